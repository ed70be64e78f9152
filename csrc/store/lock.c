#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"

#define TEXT (WSM__STORE_HOLDER - 1)

/* What a reader of the message sees; best effort. */
static void sign(int fd)
{
	char host[64] = "?", text[TEXT];
	int len;

	gethostname(host, sizeof(host) - 1);
	len = snprintf(text, sizeof(text), "process %ld on %s\n", (long)getpid(), host);
	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) != len)
		(void)!ftruncate(fd, 0);
}

static void read_text(int fd, char *text)
{
	ssize_t len = pread(fd, text, TEXT, 0);

	text[len > 0 ? len : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

bool wsm__store_holder(const char *path, char *text)
{
	char name[PATH_MAX + 8];
	bool held;
	int fd;

	snprintf(name, sizeof(name), "%s-lock", path);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	read_text(fd, text);
	close(fd);
	return held;
}

static int held(int fd, const char *path, wsm_error *error)
{
	char text[TEXT + 1];

	read_text(fd, text);
	return wsm__fail(
		error, WSM_ELOCKED,
		"store: %s belongs to %s: a store is for one process. Give each its own, run one worker, or wait for "
		"the other by store_wait",
		path, text[0] ? text : "another process");
}

/* ---- forks ------------------------------------------------------------------------------------------------------- */

/*
 * A lock is held as long as any process has its descriptor: a child that is forked, and lives on, would keep the file from the next
 * server. Whatever forks, and whether it knows of us: the child closes them.
 */
#define HELD_MAX 64

static atomic_int held_fds[HELD_MAX]; /* descriptor + 1; 0: free */
static pthread_once_t watched = PTHREAD_ONCE_INIT;

static void close_in_child(void)
{
	for (int i = 0; i < HELD_MAX; i++) {
		int fd = atomic_exchange(&held_fds[i], 0);

		if (fd)
			close(fd - 1);
	}
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, close_in_child);
}

static void note(int fd)
{
	pthread_once(&watched, watch_forks);
	for (int i = 0; i < HELD_MAX; i++) {
		int none = 0;

		if (atomic_compare_exchange_strong(&held_fds[i], &none, fd + 1))
			return;
	}
}

void wsm__store_unlock(int fd)
{
	for (int i = 0; i < HELD_MAX; i++) {
		int held = fd + 1;

		if (atomic_compare_exchange_strong(&held_fds[i], &held, 0))
			break;
	}
	close(fd);
}

/* ---- the lock ----------------------------------------------------------------------------------------------------- */

int wsm__store_lock(const char *path, int *fd, wsm_error *error)
{
	char name[PATH_MAX + 8];
	int status;

	if (snprintf(name, sizeof(name), "%s-lock", path) >= PATH_MAX)
		return wsm__fail(error, WSM_ECONFIG, "store: the path is too long (%d bytes at most)", PATH_MAX - 16);
	*fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return wsm__fail(error, WSM_ECONFIG,
		                 "store: cannot write in the folder of %s (%s): it needs a file %s beside it", path,
		                 strerror(errno), "\"…-lock\"");
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
		sign(*fd);
		note(*fd);
		return WSM_OK;
	}
	if (errno == EWOULDBLOCK)
		status = held(*fd, path, error);
	else
		status = wsm__fail(error, WSM_ECONFIG,
		                   "store: the file system of %s cannot lock files (%s): use a local one", path,
		                   strerror(errno));
	close(*fd);
	*fd = -1;
	return status;
}
