/* token_scene.h - a runtime that takes tokens, and what its scenario tests share. */
#ifndef WSM_TESTS_TOKEN_SCENE_H
#define WSM_TESTS_TOKEN_SCENE_H

#include "raw.h"
#include "tokens.h"

#include <time.h>
#include <unistd.h>

static struct host host;
static char token[TOKEN_SIZE], line[TOKEN_SIZE + 256];

/* The end of a token is looked for as often as heartbeats are: no test that needs no such end is to meet one by chance. */
#define SOON "heartbeat_interval", "0.2", "timeout", "20"
#define OPEN(...) host_open(&host, "jwt_secret", SECRET_32, __VA_ARGS__)

static inline int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

static inline long long seconds(void)
{
	return (long long)time(NULL);
}

/* A good one that lives for `secs`, with further claims. */
static inline const char *token_for(const char *user, long long secs, const char *more)
{
	char payload[1024];

	snprintf(payload, sizeof(payload), "{\"sub\":\"%s\",\"exp\":%lld%s}", user, seconds() + secs, more);
	return token_hs256(token, payload);
}

static inline const char *with(const char *format, const char *value)
{
	snprintf(line, sizeof(line), "%s%s%s", format, value, strchr(format, ':') ? "\r\n" : "");
	return line;
}

static inline void expect_user(struct visitor *visitor, const char *user)
{
	json_t *greeting = visitor_next(visitor);

	assert_string_equal(text_at(greeting, "data.user_id"), user);
	assert_int_equal(strlen(text_at(greeting, "data.expires_at")), 24);
	json_decref(greeting);
}

/* The upgrade succeeds, so that a browser can read why it is closed then. */
static inline void expect_close(const char *path, const char *headers, int code, const char *reason)
{
	struct visitor visitor;

	visitor_try(&visitor, host.port, path, headers);
	assert_int_equal(visitor.ws.http_status, 101);
	assert_int_equal(visitor_end(&visitor), code);
	if (!strstr(visitor.reason, reason))
		give_up("\"%s\" does not say \"%s\"", visitor.reason, reason);
	visitor_leave(&visitor);
}

#endif
