/* key.h - checks the API key of a REST call, and limits guesses. Runtime thread only. */
#ifndef WSM_REST_KEY_H
#define WSM_REST_KEY_H

#include "ws_manager.h"

struct wsm__core;
struct wsm__request;

enum wsm__key {
	WSM__KEY_NONE, /* the call has none, or none is set */
	WSM__KEY_GOOD,
	WSM__KEY_WRONG,
	WSM__KEY_LATER /* not checked: too many wrong keys have come from this address (wrong_key_rate) */
};

struct wsm__key_call {
	const struct wsm__request *from; /* by wsm__request_client() */
	bool needed;                     /* the call needs the key; else Bearer may carry a token */
	bool counts; /* a wrong key is an offence; false at the first of two looks at the same call */
};

/* Checks the key, in a time that does not depend on the position of the first wrong character. */
enum wsm__key wsm__key_check(struct wsm__core *core, const struct wsm__key_call *call);

#endif
