/*
 * REST calls. The first byte says from where, whether with the key, and whether the host vouches for the caller; then method, path, query and Origin in a line each; the
 * rest is the body. Whatever comes is answered with one of the documented statuses, and nobody publishes who may not.
 */
#include "runtime_common.h"

#include <jansson.h>

#define KEY "a-key-of-the-fuzzer"

static json_int_t broadcasts(wsm_runtime *runtime)
{
	const wsm_member key = { wsm__str("X-API-Key"), wsm__str(KEY) };
	const wsm_rest_request request = { .method = wsm__str("GET"),
	                                   .path = wsm__str("/api/ws/stats"),
	                                   .ip = wsm__str("127.0.0.1"),
	                                   .headers = &key, /* the address may be banned */
	                                   .n_headers = 1 };
	wsm_rest_answer answer;
	json_int_t count;
	json_t *stats;

	CHECK(!wsm_rest(runtime, &request, &answer, NULL) && answer.status == 200);
	stats = json_loadb(answer.body.data, answer.body.len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(stats);
	count = json_integer_value(json_object_get(stats, "total_broadcasts"));
	json_decref(stats);
	wsm_text_free(&answer.body);
	return count;
}

static void check_answer(const wsm_rest_request *request, const wsm_rest_answer *answer)
{
	static const unsigned known[] = { 200, 400, 401, 403, 404, 405, 413, 415, 429 };
	bool listed = false;
	json_t *body;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		listed = listed || answer->status == known[i];
	CHECK(listed);
	CHECK(wsm__utf8_valid(wsm__slice(answer->body.data, answer->body.len)));
	if ((answer->status == 200 && wsm__slice_is(request->path, "/metrics")) ||
	    wsm__slice_is(request->path, "/ws/admin"))
		return;
	body = json_loadb(answer->body.data, answer->body.len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(body);
	CHECK((answer->status == 200) == !json_object_get(body, "error"));
	json_decref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const options[] = { "api_key",        KEY, "admin",       "1",
	                                       "history_size",   "4", "history_ttl", "1",
	                                       "wrong_key_rate", "0", NULL };
	static const char *const ips[] = { "127.0.0.1", "203.0.113.7", "::1", "" };
	wsm_runtime *runtime = fuzz_runtime(options);
	wsm_rest_request request;
	wsm_rest_answer answer;
	wsm_slice text, rest;
	wsm_member headers[3];
	json_int_t before;
	bool has_key;

	if (size == 0)
		return 0;
	text = rest = exact(data + 1, size - 1);
	memset(&request, 0, sizeof(request));
	request.ip = wsm__str(ips[data[0] & 3]);
	has_key = (data[0] & 4) != 0;
	headers[0] = (wsm_member){ wsm__str("X-API-Key"), wsm__str(has_key ? KEY : data[0] & 8 ? "another key" : "") };
	request.vouched = (data[0] & 16) != 0;
	headers[1] =
		(wsm_member){ wsm__str("Content-Type"), wsm__str(data[0] & 64 ? "text/plain" : "application/json") };
	request.method = fuzz_line(&rest);
	request.path = fuzz_line(&rest);
	request.query = fuzz_line(&rest);
	headers[2] = (wsm_member){ wsm__str("Origin"), fuzz_line(&rest) };
	request.headers = headers;
	request.n_headers = 3;
	request.body = rest;
	before = broadcasts(runtime);
	CHECK(!wsm_rest(runtime, &request, &answer, NULL));
	check_answer(&request, &answer);
	if (!has_key && (data[0] & 3) != 0 && (data[0] & 3) != 2)
		CHECK(broadcasts(runtime) == before);
	if (!has_key && !request.vouched && wsm__slice_starts(request.path, "/api/ws/admin"))
		CHECK(answer.status != 200);
	wsm_text_free(&answer.body);
	drop(text);
	return 0;
}
