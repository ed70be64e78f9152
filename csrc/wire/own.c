#include "wire/own.h"

#include "base/slice.h"

static const char *const types[] = {
	/* greetings and heartbeats of the endpoints that are there from the start */
	"connected",
	"connection",
	"heartbeat",
	"ping",
	/* answers */
	"pong",
	"subscribed",
	"unsubscribed",
	"stats",
	"authenticated",
	"history",
	"published",
	"presence",
	"reply",
	"error",
	/* what the core says without being asked */
	"gap",
	"token_expiring",
	"server_draining",
	"presence_join",
	"presence_leave",
	"presence_changed",
};

bool wsm__own_type(wsm_slice type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (wsm__slice_is(type, types[i]))
			return true;
	return false;
}
