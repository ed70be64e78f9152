#include "support_deadly.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum kind { WAL, DB, TRUNCATE, SYNC, KINDS };

static const char *const words[KINDS] = { "wal", "db", "truncate", "sync" };
static atomic_uint left[KINDS]; /* calls until it ends; 0: it does not */
static sqlite3_vfs *real_vfs, vfs;
static sqlite3_io_methods methods;

struct file {
	sqlite3_file base; /* first */
	bool is_log;
	sqlite3_file real[]; /* the system's */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct file *)(void *)file)->real;
}

static bool its_turn(enum kind kind)
{
	unsigned n = atomic_load(&left[kind]);

	while (n && !atomic_compare_exchange_weak(&left[kind], &n, n - 1))
		;
	return n == 1;
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static int do_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
	sqlite3_file *real = real_of(file);

	if (its_turn(((struct file *)(void *)file)->is_log ? WAL : DB)) {
		real->pMethods->xWrite(real, data, n / 2, at);
		die();
	}
	return real->pMethods->xWrite(real, data, n, at);
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	if (its_turn(TRUNCATE))
		die();
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int do_sync(sqlite3_file *file, int flags)
{
	if (its_turn(SYNC))
		die();
	return real_of(file)->pMethods->xSync(real_of(file), flags);
}

/* ---- what goes to the system as it is ---------------------------------------------------------------------------- */

static int do_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int do_read(sqlite3_file *file, void *data, int n, sqlite3_int64 at)
{
	return real_of(file)->pMethods->xRead(real_of(file), data, n, at);
}

static int do_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int do_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int do_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int do_is_locked(sqlite3_file *file, int *locked)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), locked);
}

static int do_control(sqlite3_file *file, int what, void *with)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), what, with);
}

static int do_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int do_device(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int do_map(sqlite3_file *file, int page, int size, int extend, void volatile **at)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, at);
}

static int do_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), at, n, flags);
}

static void do_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int do_unmap(sqlite3_file *file, int delete)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), delete);
}

static int do_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out)
{
	int code = real_vfs->xOpen(real_vfs, name, real_of(file), flags, out);

	(void)self;
	((struct file *)(void *)file)->is_log = flags & SQLITE_OPEN_WAL;
	file->pMethods = real_of(file)->pMethods ? &methods : NULL;
	return code;
}

bool deadly_begin(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	if (!real_vfs)
		return false;
	methods = (sqlite3_io_methods){ 2,          do_close,  do_read,   do_write,  do_truncate,
	                                do_sync,    do_size,   do_lock,   do_unlock, do_is_locked,
	                                do_control, do_sector, do_device, do_map,    do_shm_lock,
	                                do_barrier, do_unmap,  NULL,      NULL };
	vfs = *real_vfs;
	vfs.pNext = NULL;
	vfs.zName = "deadly";
	vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
	vfs.xOpen = do_open;
	return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK;
}

bool deadly_arm(const char *kind, unsigned n)
{
	for (int i = 0; i < KINDS; i++) {
		if (strcmp(kind, words[i]) != 0)
			continue;
		atomic_store(&left[i], n);
		return true;
	}
	return false;
}
