#include "sockets/answer.h"

#include <string.h>

#include "wire/handshake.h"

void wsm__answer_release(struct wsm__session *session)
{
	wsm_text answer = session->held;

	if (!answer.data)
		return;
	memset(&session->held, 0, sizeof(session->held));
	wsm__session_write(session, answer.data, answer.len);
	wsm_text_free(&answer);
}

static const char *status_line(unsigned status)
{
	switch (status) {
	case 401:
		return "401 Unauthorized\r\nWWW-Authenticate: Bearer"; /* RFC 6750, section 3 */
	case 429:
		return "429 Too Many Requests";
	case 503:
		return "503 Service Unavailable";
	case 400:
		return "400 Bad Request";
	default:
		return "403 Forbidden";
	}
}

void wsm__answer_refuse(struct wsm__session *session, unsigned close_code, const char *reason)
{
	struct wsm__buffer answer;

	wsm_text_free(&session->held);
	wsm__buffer_init(&answer);
	wsm__buffer_addf(&answer,
	                 "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
	                 "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s\n",
	                 status_line(wsm__handshake_status(close_code)), strlen(reason) + 1, reason);
	if (!answer.failed)
		wsm__session_write(session, answer.data, answer.len);
	wsm__buffer_fini(&answer);
}
