#include "clients/kept.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/slice.h"
#include "clients/ban.h"
#include "clients/peers.h"
#include "clients/revoke.h"
#include "core/core.h"
#include "host/log.h"
#include "log/disk.h"
#include "store/store.h"

#define PAGE 1000u
#define LOAD_WAIT_MS 10000u /* that a start waits for it */

enum kind { REVOCATION, BAN, KINDS };

static const char *const kinds[KINDS] = { "revocation", "ban" };

struct wsm__kept {
	struct wsm__core *core;
	struct wsm__store *store;
	bool loading, loaded;
	bool late;                                /* clients have come in before it was loaded */
	unsigned long long counts[KINDS], broken; /* rows loaded; those that are no such thing */
};

/* ---- one row --------------------------------------------------------------------------------------------------------- */

/* The value of a ban: "a" (automatic) or "h" (by hand), how often it has doubled, the reason. */
static void write_ban(const struct wsm__peer *peer, struct wsm__buffer *out)
{
	wsm__buffer_addf(out, "%c %u %s", peer->by_hand ? 'h' : 'a', (unsigned)peer->record.doublings,
	                 peer->by_hand ? peer->by_hand : peer->record.reason);
}

static bool read_ban(struct wsm__ban *ban, char *text)
{
	char *end = text;

	ban->automatic = text[0] == 'a';
	if (text[0] != 'a' && text[0] != 'h')
		return false;
	ban->doublings = (uint32_t)strtoul(text + 1, &end, 10);
	ban->reason = wsm__str(end + 1);
	return end > text + 1 && *end == ' ';
}

static bool load_ban(struct wsm__kept *kept, const struct wsm__store_pair *row)
{
	char *text = row->value.len && row->expires_ms ? wsm__slice_dup(row->value) : NULL;
	struct wsm__ban ban = { .until_unix_ms = row->expires_ms };
	struct wsm__address address;
	bool ok = text && wsm__address_parse(&address, row->key) && read_ban(&ban, text);

	if (ok && !wsm__unsaved_has(&kept->core->peers->unsaved,
	                            row->key)) /* else lifted or made anew before this was read */
		wsm__ban_again(kept->core, &address, &ban);
	free(text);
	return ok;
}

static bool load_revocation(struct wsm__kept *kept, const struct wsm__store_pair *row)
{
	uint64_t before_ms = 0;

	for (size_t i = 0; i < row->value.len; i++) {
		if (row->value.data[i] < '0' || row->value.data[i] > '9' || i >= 18)
			return false;
		before_ms = before_ms * 10 + (uint64_t)(row->value.data[i] - '0');
	}
	return wsm__revocations_load(&kept->core->runtime->revocations, row->key, before_ms, row->expires_ms);
}

/* ---- loading --------------------------------------------------------------------------------------------------------- */

struct loading {
	struct wsm__store_load job; /* first */
	struct wsm__kept *kept;
	enum kind kind;
	char after[];
};

static void page_came(struct wsm__store_job *job);

/* False: no memory. */
static bool ask_for_page(struct wsm__kept *kept, enum kind kind, wsm_slice after)
{
	struct loading *loading = calloc(1, sizeof(*loading) + after.len + 1);

	kept->loading = loading != NULL;
	if (!loading)
		return false;
	if (after.len)
		memcpy(loading->after, after.data, after.len);
	loading->kept = kept;
	loading->kind = kind;
	loading->job.job.kind = WSM__STORE_LOAD;
	loading->job.job.done = page_came;
	loading->job.kind = wsm__str(kinds[kind]);
	loading->job.after = wsm__slice(loading->after, after.len);
	loading->job.limit = PAGE;
	wsm__store_submit(kept->store, &loading->job.job);
	return true;
}

static void all_came(struct wsm__kept *kept)
{
	struct wsm__core *core = kept->core;

	kept->loading = false;
	kept->loaded = true;
	kept->core->revocations_unknown = false;
	wsm__revocations_loaded(&core->runtime->revocations);
	if (kept->counts[REVOCATION] || kept->counts[BAN])
		wsm__log(core->runtime, WSM_INFO, "store: %llu revocations and %llu bans are in force again",
		         kept->counts[REVOCATION], kept->counts[BAN]);
	if (kept->broken)
		wsm__log(core->runtime, WSM_ERROR,
		         "store: %llu revocations and bans cannot be read and are not in force", kept->broken);
	if (kept->late)
		wsm__revoke_all(core);
	wsm__kept_write(core);
}

static void take_rows(struct wsm__kept *kept, const struct loading *loading)
{
	for (size_t i = 0; i < loading->job.n_pairs; i++) {
		const struct wsm__store_pair *row = &loading->job.pairs[i];
		bool ok = loading->kind == BAN ? load_ban(kept, row) : load_revocation(kept, row);

		kept->counts[loading->kind] += ok;
		kept->broken += !ok;
	}
}

static void page_came(struct wsm__store_job *job)
{
	struct loading *loading = (struct loading *)(void *)job;
	struct wsm__kept *kept = loading->kept;
	size_t n = loading->job.n_pairs;

	if (job->status || kept->core->destroying) {
		kept->loading = false;
	} else {
		take_rows(kept, loading);
		if (loading->job.more && n)
			ask_for_page(kept, loading->kind, loading->job.pairs[n - 1].key);
		else if (loading->kind + 1 < KINDS)
			ask_for_page(kept, (enum kind)(loading->kind + 1), wsm__str(""));
		else
			all_came(kept);
	}
	wsm__store_job_fini(job);
	free(loading);
}

static void load(struct wsm__kept *kept)
{
	memset(kept->counts, 0, sizeof(kept->counts));
	kept->broken = 0;
	ask_for_page(kept, REVOCATION, wsm__str(""));
}

static void tell_late(struct wsm__kept *kept)
{
	struct wsm__store_figures figures;

	wsm__store_figures(kept->store, &figures);
	wsm__log(kept->core->runtime, WSM_WARNING,
	         "store: revocations and bans that it keeps are not in force yet: %s. No token is taken until it can "
	         "be read; bans "
	         "are loaded then, and connections that they forbid are closed",
	         *figures.reason ? figures.reason : "it did not answer in time");
}

int wsm__kept_begin(struct wsm__core *core)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	uint64_t until = wsm__mono_us() + LOAD_WAIT_MS * 1000;
	struct wsm__store *store = wsm__disk_store(&core->log);
	struct wsm__kept *kept;

	if (!store)
		return WSM_OK;
	kept = core->kept = calloc(1, sizeof(*kept));
	if (!kept)
		return WSM_ENOMEM;
	kept->core = core;
	kept->store = store;
	memcpy(core->peers->unsaved.key, core->registry.key, sizeof(core->peers->unsaved.key));
	core->peers->stored = true;
	load(kept);
	while (kept->loading && wsm__mono_us() < until) {
		nanosleep(&pause, NULL);
		wsm__core_now(core);
		wsm__store_take(store);
	}
	kept->late = core->revocations_unknown = !kept->loaded;
	if (kept->late)
		tell_late(kept);
	return WSM_OK;
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

struct writing {
	struct wsm__store_item job; /* first */
	struct wsm__kept *kept;
	enum kind kind;
	struct wsm__unsaved_name *name;
	struct wsm__buffer value;
};

static void give_back(struct wsm__kept *kept, enum kind kind, struct wsm__unsaved_name *name)
{
	if (kind == BAN)
		wsm__unsaved_put_back(&kept->core->peers->unsaved, name);
	else
		wsm__revocations_put_back(&kept->core->runtime->revocations, name);
}

static void written(struct wsm__store_job *job)
{
	struct writing *writing = (struct writing *)(void *)job;

	if (job->status)
		give_back(writing->kept, writing->kind, writing->name);
	else
		free(writing->name);
	wsm__buffer_fini(&writing->value);
	wsm__store_job_fini(job);
	free(writing);
}

/* `until_ms` 0: it is deleted. NULL: no memory, and the name waits for the next time. */
static struct writing *new_writing(struct wsm__kept *kept, enum kind kind, struct wsm__unsaved_name *name,
                                   uint64_t until_ms)
{
	struct writing *writing = calloc(1, sizeof(*writing));

	if (!writing) {
		give_back(kept, kind, name);
		return NULL;
	}
	wsm__buffer_init(&writing->value);
	writing->kept = kept;
	writing->kind = kind;
	writing->name = name;
	writing->job.job.kind = until_ms ? WSM__STORE_PUT : WSM__STORE_DELETE;
	writing->job.job.done = written;
	writing->job.kind = wsm__str(kinds[kind]);
	writing->job.key = wsm__slice(name->text, name->len);
	writing->job.expires_ms = until_ms;
	return writing;
}

/* False: no memory. */
static bool submit(struct writing *writing)
{
	bool ok = !writing->value.failed;

	writing->job.value = wsm__slice(writing->value.data, writing->value.len);
	if (ok) {
		wsm__store_submit(writing->kept->store, &writing->job.job);
	} else {
		writing->job.job.status = WSM_ENOMEM;
		written(&writing->job.job);
	}
	return ok;
}

static bool write_revocation(struct wsm__kept *kept)
{
	struct wsm__revocation_change change;
	struct writing *writing;

	if (!wsm__revocations_take(&kept->core->runtime->revocations, &change))
		return false;
	writing = new_writing(kept, REVOCATION, change.name, change.until_ms);
	if (!writing)
		return false;
	wsm__buffer_add_uint(&writing->value, change.before_ms);
	return submit(writing);
}

static bool write_one_ban(struct wsm__kept *kept)
{
	struct wsm__core *core = kept->core;
	struct wsm__unsaved_name *name = wsm__unsaved_take(&core->peers->unsaved);
	const struct wsm__peer *peer;
	struct wsm__address address;
	struct writing *writing;

	if (!name)
		return false;
	wsm__address_parse(&address, wsm__slice(name->text, name->len));
	peer = wsm__peer_banned_now(core, &address);
	writing = new_writing(kept, BAN, name, peer ? wsm__unix_ms() + peer->record.until_ms - core->now_ms : 0);
	if (!writing)
		return false;
	if (peer)
		write_ban(peer, &writing->value);
	return submit(writing);
}

void wsm__kept_write(struct wsm__core *core)
{
	struct wsm__store_figures figures;
	struct wsm__kept *kept = core->kept;

	/* What was not loaded is not written over; what fails is tried again when it works again. */
	if (!kept || !kept->loaded)
		return;
	if (!core->peers->unsaved.names && !wsm__revocations_unsaved(&core->runtime->revocations))
		return;
	wsm__store_figures(kept->store, &figures);
	if (figures.state != WSM__STORE_UP)
		return;
	while (write_revocation(kept))
		;
	while (write_one_ban(kept))
		;
}

size_t wsm__kept_unsaved(const struct wsm__core *core)
{
	return wsm__unsaved_count(&core->peers->unsaved) + wsm__revocations_unsaved(&core->runtime->revocations);
}

void wsm__kept_sweep(struct wsm__core *core)
{
	if (core->kept && !core->kept->loaded && !core->kept->loading)
		load(core->kept);
	wsm__kept_write(core);
}

/* ---- life ------------------------------------------------------------------------------------------------------------ */

void wsm__kept_fini(struct wsm__core *core)
{
	free(core->kept);
	core->kept = NULL;
}
