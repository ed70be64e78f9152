/* rest_scene.h - calls to the own port of `host`, over raw sockets. */
#ifndef WSM_TESTS_REST_SCENE_H
#define WSM_TESTS_REST_SCENE_H

#include "raw.h"

static struct host host;

static inline int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* GET of a path; the JSON of the answer. */
static inline json_t *get(unsigned status, const char *path)
{
	char request[1024];
	json_t *body;
	unsigned found;

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	found = raw_http(host.port, request, &body);
	if (found != status || !body)
		give_up("GET %s: %u instead of %u, %s", path, found, status, body ? "JSON" : "no JSON");
	return body;
}

static inline void fails(unsigned status, const char *path, const char *code)
{
	json_t *body = get(status, path);

	assert_string_equal(text_at(body, "error.code"), code);
	assert_int_not_equal(strlen(text_at(body, "error.message")), 0);
	json_decref(body);
}

static inline unsigned post(const char *path, const char *headers, const char *text, json_t **body)
{
	char request[4096];

	snprintf(request, sizeof(request), "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n%s\r\n%s",
	         path, strlen(text), headers, text);
	return raw_http(host.port, request, body);
}

#endif
