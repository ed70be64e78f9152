/* http.h - REST on the own port. */
#ifndef WSM_NET_HTTP_H
#define WSM_NET_HTTP_H

#include <libwebsockets.h>
#include <netinet/in.h>

#include "net/connection.h"

/* One socket in libwebsockets, from accept to close. */
struct wsm__session {
	struct wsm__core *core;
	struct wsm__adopt *adopt;       /* until a connection has been made of it */
	struct wsm__conn *conn;         /* once the upgrade was confirmed */
	char *bearer;                   /* token of a subprotocol; NULL: none */
	struct wsm__exchange *exchange; /* while a request is being answered; an open WebSocket has none */
	int fd;
};

/* One request and its answer. */
struct wsm__exchange {
	bool head;
	bool last; /* the connection ends with this answer */
	char method[8];
	char ip[INET6_ADDRSTRLEN];
	struct wsm__request request; /* slices of storage and ip */
	wsm_slice authorization, api_key;
	struct wsm__buffer storage, body;
};

/* Begins an exchange: fills its request from libwebsockets' headers. False when out of memory. */
bool wsm__session_request(struct lws *wsi, struct wsm__session *session, wsm_slice path);
/* Ends it, if there is one. */
void wsm__session_answered(struct wsm__session *session);
/* headers.c: a header as a slice of `storage`, which must not grow afterwards. */
wsm_slice wsm__header_take(struct lws *wsi, enum lws_token_indexes token, struct wsm__buffer *storage);
/* {"name":"value",…} for the host's authenticate handler; names in lower case. */
void wsm__headers_json(struct lws *wsi, const struct wsm__session *session, struct wsm__buffer *out);
/* Sets the request's token. False if there is one where it may not be. Keep `headers` and `token` as long as the request. */
bool wsm__headers_token(struct lws *wsi, struct wsm__session *session, const struct wsm__path_params *params,
                        struct wsm__buffer *headers, struct wsm__buffer *token);
/* Callbacks; they return what libwebsockets is to get. */
int wsm__http_request(struct lws *wsi, struct wsm__session *session, const void *path, size_t len);
int wsm__http_body(struct wsm__session *session, const void *data, size_t len);
int wsm__http_answer(struct lws *wsi, struct wsm__session *session);
/* Writes a complete answer in plain text. `extra`: header lines. */
void wsm__http_refuse(struct lws *wsi, unsigned status, const char *extra, const char *why);

#endif
