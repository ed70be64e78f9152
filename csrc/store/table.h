/*
 * table.h - the rooms that are in use: their handles, and what is true of them inside and outside the running transaction.
 *
 * A room has a row once something was appended to it. Its position and its size in the row are written now and then; what is behind
 * the row's `top` is counted when a room is loaded, so a process that dies loses nothing of them.
 */
#ifndef WSM_STORE_TABLE_H
#define WSM_STORE_TABLE_H

#include "base/hash.h"
#include "store/file.h"
#include "store/jobs.h"

/* What a transaction changes, and takes back when it fails. */
struct wsm__store_position {
	sqlite3_int64 id; /* of its row; 0: none */
	char epoch[WSM__STORE_EPOCH];
	uint64_t top, first, sent;
	uint64_t bytes; /* of the blobs that are kept */
	uint64_t changed_ms, gone_ms;
	bool dirty; /* the row is older than this */
	bool due;   /* and is written with this transaction */
};

struct wsm__store_room {
	UT_hash_handle hh;
	struct wsm__store_position now, kept; /* inside and outside the transaction */
	struct wsm__store_room *next_touched, *next_dirty;
	bool touched, listed; /* in these two lists */
	unsigned handles;
	unsigned appended; /* by this transaction */
	struct wsm__store_rule rule;
	size_t len;
	char name[];
};

struct wsm__store_handle {
	struct wsm__store_room *room; /* NULL: free */
	size_t next_free;
};

struct wsm__store_table {
	struct wsm__store_file *file;
	const struct wsm__store_options *options;
	struct wsm__store_room *rooms; /* by name */
	uint8_t key[16];               /* of their hashes */
	struct wsm__store_handle *handles;
	size_t n_handles, max_handles, free_handle; /* the first free one, plus 1; 0: none */
	struct wsm__store_room *touched;
	struct wsm__store_room *dirty, **dirty_end;
	uint64_t renewed; /* of rooms, in all */
};

void wsm__store_table_init(struct wsm__store_table *table, struct wsm__store_file *file,
                           const struct wsm__store_options *options);
void wsm__store_table_fini(struct wsm__store_table *table);

/* The room of that name, loaded if it has a row. `make`: one without a row, too. 0 with NULL: there is none; -1: the file fails. */
int wsm__store_table_find(struct wsm__store_table *table, wsm_slice name, bool make, struct wsm__store_room **room);
/* Gives out a handle; 0 when out of memory. */
uint64_t wsm__store_table_hold(struct wsm__store_table *table, struct wsm__store_room *room);
void wsm__store_table_release(struct wsm__store_table *table, uint64_t handle);
/* NULL: no such handle. */
struct wsm__store_room *wsm__store_table_room(const struct wsm__store_table *table, uint64_t handle);
/* Frees a room that nobody has open and whose row is up to date. */
void wsm__store_table_forget(struct wsm__store_table *table, struct wsm__store_room *room);

/* A transaction is about to change `now`. */
void wsm__store_touch(struct wsm__store_table *table, struct wsm__store_room *room);
/* Gives it a row if it has none. 0 or -1. */
int wsm__store_settle(struct wsm__store_table *table, struct wsm__store_room *room);
/* Marks the row as old. `due`: it is written with this transaction. */
void wsm__store_dirty(struct wsm__store_table *table, struct wsm__store_room *room, bool due);
/* A new epoch, for one with a row in its row too. 0 or -1. */
int wsm__store_renew_room(struct wsm__store_table *table, struct wsm__store_room *room);
/* Writes rows that are due, and up to `limit` others that are old. 0 or -1. */
int wsm__store_save(struct wsm__store_table *table, size_t limit);
/* The transaction has ended: what it changed stands, or does not. */
void wsm__store_table_end(struct wsm__store_table *table, bool ok);

/* The first offset that may be read: older ones are beyond history_size, though not pruned yet. */
static inline uint64_t wsm__store_first(const struct wsm__store_room *room)
{
	uint64_t size = room->rule.size;
	uint64_t least = room->now.top > size ? room->now.top - size + 1 : 1;

	return room->now.first > least ? room->now.first : least;
}
/* The key of a message. */
static inline sqlite3_int64 wsm__store_place(const struct wsm__store_room *room, uint64_t offset)
{
	return (sqlite3_int64)(((uint64_t)room->now.id << 39) | offset);
}

#endif
