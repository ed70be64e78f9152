/* adopt.c - sockets of Node's servers that are handed over. */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errors.h"
#include "text.h"
#include "value.h"

/* The members of an admission. fini() also after a failure. */
struct admission {
	wsm_admission admission;
	struct text client_id, user_id, session_id, greeting, heartbeat, ip;
	struct texts rooms, subscribe, publish, welcome;
};

static bool admission_of(napi_env env, napi_value object, struct admission *out)
{
	wsm_admission *admission = &out->admission;
	const struct {
		const char *name;
		struct text *text;
		wsm_slice *slice;
	} texts[] = {
		{ "clientId", &out->client_id, &admission->client_id },
		{ "userId", &out->user_id, &admission->user_id },
		{ "sessionId", &out->session_id, &admission->session_id },
		{ "greeting", &out->greeting, &admission->greeting },
		{ "heartbeat", &out->heartbeat, &admission->heartbeat },
		{ "ip", &out->ip, &admission->ip },
	};
	const struct {
		const char *name;
		struct texts *texts;
		const wsm_slice **slices;
		size_t *n;
	} lists[] = {
		{ "rooms", &out->rooms, &admission->rooms, &admission->n_rooms },
		{ "subscribe", &out->subscribe, &admission->subscribe, &admission->n_subscribe },
		{ "publish", &out->publish, &admission->publish, &admission->n_publish },
		{ "welcome", &out->welcome, &admission->welcome, &admission->n_welcome },
	};
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "raw", &admission->raw }, { "admitted", &admission->admitted },      { "tls", &admission->tls },
		{ "ask", &admission->ask }, { "skipOrigin", &admission->skip_origin },
	};
	napi_value value;

	memset(out, 0, sizeof(*out));
	if (addon_is_none(env, object))
		return true;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		value = addon_get(env, object, texts[i].name);
		if (!value || !addon_text_or_none(env, value, texts[i].name, texts[i].text))
			return false;
		*texts[i].slice = texts[i].text->slice;
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		value = addon_get(env, object, lists[i].name);
		if (!value || !addon_texts(env, value, lists[i].name, lists[i].texts))
			return false;
		*lists[i].slices = lists[i].texts->at;
		*lists[i].n = lists[i].texts->n;
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		value = addon_get(env, object, flags[i].name);
		if (!value || !addon_bool(env, value, flags[i].flag))
			return false;
	}
	return true;
}

static void admission_fini(struct admission *admission)
{
	addon_text_fini(&admission->client_id);
	addon_text_fini(&admission->user_id);
	addon_text_fini(&admission->session_id);
	addon_text_fini(&admission->greeting);
	addon_text_fini(&admission->heartbeat);
	addon_text_fini(&admission->ip);
	addon_texts_fini(&admission->rooms);
	addon_texts_fini(&admission->subscribe);
	addon_texts_fini(&admission->publish);
	addon_texts_fini(&admission->welcome);
}

/* adopt(fd, request, admission): the number of the connection. The runtime owns `fd` then; on an error the caller does. */
METHOD(adopt)
{
	napi_value args[3], result = NULL;
	struct seat *seat = addon_seat(env, info, 3, args);
	struct admission admission;
	int32_t fd = -1;
	wsm_slice request;
	uint64_t conn = 0;
	wsm_error error = { 0 };
	int status;

	if (!seat || !addon_ok(env, napi_get_value_int32(env, args[0], &fd)))
		return NULL;
	if (!addon_bytes(env, args[1], &request)) {
		napi_throw_type_error(env, NULL, "the request must be a Uint8Array");
		return NULL;
	}
	if (admission_of(env, args[2], &admission)) {
		status = addon_routes_adopt(addon_seat_routes(seat), &seat->place, fd, request, &admission.admission,
		                            &conn, &error);
		result = status == WSM_OK ? addon_number(env, (double)conn) : addon_raise(env, status, &error);
	}
	admission_fini(&admission);
	return result;
}

/* dupFd(fd): another descriptor of the same socket, that programs which are started do not inherit. */
METHOD(dup_fd)
{
	napi_value args[1];
	size_t n = 1;
	int32_t fd = -1;
	int copy;
	wsm_error error = { 0 };

	if (!addon_ok(env, napi_get_cb_info(env, info, &n, args, NULL, NULL)) ||
	    !addon_ok(env, napi_get_value_int32(env, args[0], &fd)))
		return NULL;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy >= 0)
		return addon_number(env, copy);
	snprintf(error.message, sizeof(error.message), "dup of descriptor %d: %s", (int)fd, strerror(errno));
	return addon_raise(env, WSM_ESYSTEM, &error);
}

/* socketPair(): [one, the other], for a relay. */
METHOD(socket_pair)
{
	int fds[2];
	wsm_error error = { 0 };
	napi_value pair, ends[2];

	(void)info;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)) {
		snprintf(error.message, sizeof(error.message), "a socket pair could not be made: %s", strerror(errno));
		return addon_raise(env, WSM_ESYSTEM, &error);
	}
	ends[0] = addon_number(env, fds[0]);
	ends[1] = addon_number(env, fds[1]);
	if (ends[0] && ends[1] && addon_ok(env, napi_create_array_with_length(env, 2, &pair)) &&
	    addon_ok(env, napi_set_element(env, pair, 0, ends[0])) &&
	    addon_ok(env, napi_set_element(env, pair, 1, ends[1])))
		return pair;
	close(fds[0]);
	close(fds[1]);
	return NULL;
}

METHOD(close_fd)
{
	napi_value args[1];
	size_t n = 1;
	int32_t fd = -1;

	if (addon_ok(env, napi_get_cb_info(env, info, &n, args, NULL, NULL)) &&
	    addon_ok(env, napi_get_value_int32(env, args[0], &fd)))
		close(fd);
	return NULL;
}
