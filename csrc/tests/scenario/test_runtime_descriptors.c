/* A runtime closes what is its own, once: the process has other threads, which get the numbers that it frees. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static atomic_int closed_twice, taken = -1;
static atomic_bool thief;

static bool is_eventfd(int fd)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "eventfd") != NULL;
}

/* In place of libc's, for the libraries as well. As a thief it gets each event descriptor's number as soon as that is free. */
__attribute__((visibility("default"))) int close(int fd)
{
	static int (*next)(int);
	bool wanted = atomic_load(&thief) && is_eventfd(fd);
	int status;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "close");
	status = next(fd);

	if (status && errno == EBADF)
		atomic_fetch_add(&closed_twice, 1);
	if (!status && wanted && atomic_load(&taken) < 0) {
		int file = open("/dev/zero", O_RDONLY | O_CLOEXEC);

		if (file == fd)
			atomic_store(&taken, fd);
		else
			next(file);
	}
	return status;
}

static void live(void)
{
	struct host host;
	struct visitor visitor;

	host_open(&host, NULL);
	visitor_open(&visitor, host.port, "/ws");
	host_send(&host, "@all", "n", "{}");
	json_decref(of_type(visitor_next(&visitor), "n"));
	visitor_leave(&visitor);
	host_close(&host);
}

static void nothing_is_closed_twice(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		live();
	assert_int_equal(atomic_load(&closed_twice), 0);
}

static void who_gets_a_number_meanwhile_keeps_it(void **state)
{
	struct stat found, mine;
	char byte = 1;

	(void)state;
	atomic_store(&thief, true);
	live();
	atomic_store(&thief, false);
	assert_true(atomic_load(&taken) >= 0);
	assert_int_equal(fstat(atomic_load(&taken), &found), 0);
	assert_int_equal(stat("/dev/zero", &mine), 0);
	assert_int_equal(found.st_rdev, mine.st_rdev);
	assert_int_equal(read(atomic_load(&taken), &byte, 1), 1);
	assert_int_equal(byte, 0);
	close(atomic_load(&taken));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_closed_twice),
		cmocka_unit_test(who_gets_a_number_meanwhile_keeps_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
