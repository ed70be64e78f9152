/* adopt_scene.h - a runtime without a port of its own, and sockets that are handed over to it. */
#ifndef WSM_TESTS_ADOPT_SCENE_H
#define WSM_TESTS_ADOPT_SCENE_H

#include "raw.h"

static struct host host;
static struct raw_frame frame;

static inline int open_host(void **state)
{
	(void)state;
	host_make(&host, "allowed_origins", "https://app.example.com", NULL); /* no port of its own */
	host_start(&host);
	return 0;
}

static inline int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* Hands a new socket over with these bytes; the client's end. */
static inline int adopt(const void *bytes, size_t len, const wsm_admission *admission, uint64_t *conn)
{
	int ours, theirs;
	wsm_error error = { 0 };

	raw_pair(&ours, &theirs);
	if (wsm_adopt(host.runtime, ours, bytes, len, admission, conn, &error))
		give_up("wsm_adopt: %s", error.message);
	return theirs;
}

static inline int adopt_upgrade(const char *path, const char *headers, const wsm_admission *admission, uint64_t *conn)
{
	char request[1024];

	raw_upgrade(request, sizeof(request), path, headers);
	return adopt(request, strlen(request), admission, conn);
}

static inline void expect_open(int fd)
{
	char head[1024];

	raw_head(fd, head, sizeof(head));
	if (strncmp(head, "HTTP/1.1 101 ", 13) != 0)
		give_up("no 101: %s", head);
	raw_await(fd, WSC_TEXT, &frame);
}

/* Exactly one CLOSED for that connection. */
static inline void expect_closed(uint64_t conn, unsigned code)
{
	wsm_event *event = host_event(&host, WSM_EVENT_CLOSED);

	assert_int_equal(event->conn, conn);
	assert_int_equal(event->code, code);
	wsm_event_free(event);
	host_stat(&host, "uptime_seconds"); /* whatever would come has come */
	assert_null(host_event_now(&host, WSM_EVENT_CLOSED));
}

#endif
