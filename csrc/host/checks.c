#include "host/checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "host/log.h"
#include "host/refusals.h"
#include "host/order.h"

unsigned wsm__checks_of_handlers(unsigned want)
{
	return (want & WSM_WANT_AUTHENTICATE ? WSM__CHECK_AUTHENTICATE : 0) |
	       (want & WSM_WANT_AUTHORIZE ? WSM__CHECK_AUTHORIZE : 0);
}

/* Returns the checks of this moment, without wsm_access_checked(). */
static unsigned found_now(const wsm_runtime *runtime)
{
	return wsm__checks_of_handlers(atomic_load(&runtime->want)) | (runtime->jwt ? WSM__CHECK_KEY : 0);
}

void wsm__checks_begin(wsm_runtime *runtime)
{
	/* In this order: wsm_want() sets the mask and then adds, so that neither side misses what the other does. */
	atomic_fetch_and(&runtime->checks, WSM__CHECK_SAID);
	atomic_fetch_or(&runtime->checks, found_now(runtime));
}

void wsm__checks_add(wsm_runtime *runtime, unsigned checks)
{
	if (!checks || atomic_fetch_or(&runtime->checks, checks) || runtime->config->access[0] != 'a' ||
	    !atomic_load(&runtime->running))
		return;
	wsm__order_post(runtime, &(struct wsm__order){ .head.kind = WSM__CMD_CHECKED, .checked = { checks } }, true,
	                NULL);
}

int wsm_access_checked(wsm_runtime *runtime, wsm_slice by, wsm_error *error)
{
	int status = wsm__runtime_check_fork(runtime, error);
	char line[200], *copy, *none = NULL;

	if (status)
		return status;
	wsm__log_text(line, sizeof(line), by.len ? by : wsm__str("the application"));
	copy = wsm__slice_dup(wsm__str(line)); /* without memory, rooms close all the same, and the line says less */
	if (!atomic_compare_exchange_strong(&runtime->checked, &none, copy))
		free(copy);
	wsm__checks_add(runtime, WSM__CHECK_SAID);
	return WSM_OK;
}

/* Names the most important check, as a part of a sentence. */
const char *wsm__checks_by(const wsm_runtime *runtime, unsigned checks)
{
	const char *said = atomic_load(&runtime->checked);

	if (checks & WSM__CHECK_KEY)
		return "a key for tokens";
	if (checks & WSM__CHECK_AUTHENTICATE)
		return "an authenticate handler";
	if (checks & WSM__CHECK_AUTHORIZE)
		return "an authorize handler";
	return said ? said : "the application";
}

static void describe(const wsm_runtime *runtime, unsigned checks, char *line, size_t size)
{
	const char *mode = runtime->config->access;
	const char *by = wsm__checks_by(runtime, checks);

	if (mode[0] == 'g')
		snprintf(line, size, "granted: public rooms need a grant (option access=granted)");
	else if (mode[0] == 'o' && checks)
		snprintf(line, size,
		         "open: everyone who is let in may hear every public room (option access=open), in spite of %s",
		         by);
	else if (mode[0] == 'o')
		snprintf(line, size, "open: everyone may hear every public room (option access=open)");
	else if (checks)
		snprintf(line, size, "granted: public rooms need a grant, because of %s (option access=auto)", by);
	else
		snprintf(line, size,
		         "open: everyone may hear every public room, as nothing checks clients (option access=auto; "
		         "granted closes them)");
}

int wsm_access_describe(wsm_runtime *runtime, wsm_text *line, wsm_error *error)
{
	int status = wsm__runtime_check_fork(runtime, error);
	unsigned checks;
	char text[WSM__ACCESS_LINE];

	line->data = NULL;
	line->len = 0;
	if (status)
		return status;
	checks = atomic_load(&runtime->checks);
	if (!atomic_load(&runtime->running))
		checks = (checks & WSM__CHECK_SAID) | found_now(runtime);
	describe(runtime, checks, text, sizeof(text));
	line->data = wsm__slice_dup(wsm__str(text));
	line->len = strlen(text);
	return line->data ? WSM_OK : wsm__fail(error, WSM_ENOMEM, "out of memory");
}

void wsm__checks_line(const wsm_runtime *runtime, char *line)
{
	describe(runtime, atomic_load(&runtime->checks), line, WSM__ACCESS_LINE);
}

void wsm__checks_tell(wsm_runtime *runtime)
{
	char line[WSM__ACCESS_LINE];

	wsm__checks_line(runtime, line);
	wsm__log(runtime, WSM_INFO, "access: %s", line);
}

bool wsm__checks_believe_session(wsm_runtime *runtime, const wsm_admission *admission)
{
	unsigned checks = atomic_load(&runtime->checks);

	if (checks & (WSM__CHECK_KEY | WSM__CHECK_AUTHENTICATE))
		return false;
	/* An application that lets a client in itself, without a session, leaves the session to the client. */
	if (!(checks & WSM__CHECK_SAID) || (admission && admission->admitted))
		return true;
	wsm__refusal_tell(runtime, WSM__REFUSED_SESSION,
	                  "session_id in the query of a client is not believed, because of %s: let the client in by "
	                  "connect(session_id=...), or an authenticate handler",
	                  wsm__checks_by(runtime, WSM__CHECK_SAID));
	return false;
}

int wsm_want(wsm_runtime *runtime, unsigned mask)
{
	int status = wsm__runtime_check_fork(runtime, NULL);

	if (status)
		return status;
	atomic_store(&runtime->want, mask);
	wsm__checks_add(runtime, wsm__checks_of_handlers(mask));
	return WSM_OK;
}
