#include "store/wal.h"

#include "store/schema.h"

#define QUIET_US 200000
#define TRUNCATE_PAGES 1024 /* a log of this size is not worth keeping for the next burst */
#define FREE_PAGES 1024     /* so many free pages may stay, and a quarter of the file */
#define SHRINK_PAGES 256

/* Without waiting for others that read: it will be tried again. */
static bool checkpoint(struct wsm__store_file *file, int mode)
{
	int log = 0, done = 0, code;

	wsm__store_at(file, "checkpoint");
	sqlite3_busy_timeout(file->db, 0);
	code = sqlite3_wal_checkpoint_v2(file->db, "main", mode, &log, &done);
	sqlite3_busy_timeout(file->db, WSM__STORE_BUSY_MS);
	if (code == SQLITE_OK)
		file->wal_frames = 0;
	return code == SQLITE_OK || code == SQLITE_BUSY;
}

bool wsm__store_checkpoint(struct wsm__store_file *file, uint64_t idle_us)
{
	if (file->wal_frames >= WSM__STORE_WAL_PAGES)
		return checkpoint(file, SQLITE_CHECKPOINT_RESTART);
	if (!file->wal_frames || idle_us < QUIET_US)
		return false;
	return checkpoint(file,
	                  file->wal_frames >= TRUNCATE_PAGES ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART);
}

void wsm__store_shrink(struct wsm__store_file *file)
{
	sqlite3_int64 pages, free_pages;
	char text[64];

	if (wsm__store_number(file->db, "PRAGMA page_count", 0, &pages) != SQLITE_OK ||
	    wsm__store_number(file->db, "PRAGMA freelist_count", 0, &free_pages) != SQLITE_OK)
		return;
	if (free_pages < FREE_PAGES || free_pages < pages / 4)
		return;
	sqlite3_snprintf(sizeof(text), text, "PRAGMA incremental_vacuum(%d)", SHRINK_PAGES);
	sqlite3_exec(file->db, text, NULL, NULL, NULL);
}
