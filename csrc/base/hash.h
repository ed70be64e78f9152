/*
 * hash.h - uthash as this project uses it.
 *
 * Tables whose keys are chosen by clients or hosts are keyed by SipHash, computed by the caller and given to uthash by
 * its …_BYHASHVALUE macros; so nobody can choose names that collide. A failed allocation inside a table aborts: there is
 * no state to go on from, and on Linux it does not happen before the kernel ends the process anyway.
 */
#ifndef WSM_BASE_HASH_H
#define WSM_BASE_HASH_H

#include <stdlib.h>

#define uthash_fatal(message) abort()
#include <uthash.h>
#include <utlist.h>

#endif
