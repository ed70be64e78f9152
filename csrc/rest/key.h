/* key.h - the API key: who brings it with a REST call, and who guesses it. Runtime thread only. */
#ifndef WSM_REST_KEY_H
#define WSM_REST_KEY_H

#include "ws_manager.h"

struct wsm__core;
struct wsm__request;

enum wsm__key {
	WSM__KEY_NONE, /* none was brought, or none is set */
	WSM__KEY_GOOD,
	WSM__KEY_WRONG,
	WSM__KEY_LATER /* it was not looked at: too many wrong ones have come from this address (wrong_key_rate) */
};

struct wsm__key_call {
	const struct wsm__request *from; /* by wsm__request_client() */
	bool needed;                     /* the call is for the key; else what stands behind Bearer may be a token */
	bool counts; /* a wrong key is an offence; not where the same call is looked at for the first of two times */
};

/* In a time that does not depend on where a wrong key differs from the right one. */
enum wsm__key wsm__key_check(struct wsm__core *core, const struct wsm__key_call *call);

#endif
