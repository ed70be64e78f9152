#include "clients/figures.h"

#include "clients/peers.h"
#include "core/core.h"

void wsm__figures_stats(struct wsm__core *core, struct wsm__buffer *out)
{
	wsm__buffer_addf(out,
	                 ",\"peers\":%u,\"peers_forgotten\":%llu,\"banned\":%llu,\"bans\":%llu,\"banned_refused\":%llu",
	                 HASH_COUNT(core->peers->table), (unsigned long long)core->peers->forgotten,
	                 (unsigned long long)wsm__peers_banned(core), (unsigned long long)core->peers->bans,
	                 (unsigned long long)core->peers->banned_refused);
	wsm__buffer_addf(out, ",\"deferred_handshakes\":%llu,\"once\":%u,\"once_forgotten\":%llu",
	                 (unsigned long long)core->handshakes_deferred, wsm__once_count(&core->once),
	                 (unsigned long long)core->once.forgotten);
	wsm__buffer_add_str(out, ",\"limits_broken\":{");
	for (int i = 0; i < WSM__LIMIT_COUNT; i++)
		wsm__buffer_addf(out, "%s\"%s\":%llu", i ? "," : "", wsm__limit_name((enum wsm__limit)i),
		                 (unsigned long long)core->limits_broken[i]);
	wsm__buffer_add_str(out, "},\"offences\":{");
	for (int i = 0; i < WSM__OFFENCE_COUNT; i++)
		wsm__buffer_addf(out, "%s\"%s\":%llu", i ? "," : "", wsm__offence_name((enum wsm__offence)i),
		                 (unsigned long long)core->peers->offences[i]);
	wsm__buffer_add_str(out, "}");
}

static void add_metric(struct wsm__buffer *out, const char *name, bool counter, const char *help)
{
	wsm__buffer_addf(out, "# HELP ws_manager_%s %s\n# TYPE ws_manager_%s %s\n", name, help, name,
	                 counter ? "counter" : "gauge");
}

static void add_value(struct wsm__buffer *out, const char *name, const char *label, const char *value, uint64_t number)
{
	wsm__buffer_addf(out, "ws_manager_%s", name);
	if (label)
		wsm__buffer_addf(out, "{%s=\"%s\"}", label, value);
	wsm__buffer_addf(out, " %llu\n", (unsigned long long)number);
}

void wsm__figures_metrics(struct wsm__core *core, struct wsm__buffer *out)
{
	const struct {
		const char *name;
		bool counter;
		const char *help;
		uint64_t value;
	} rows[] = {
		{ "peers", false, "Client addresses remembered.", HASH_COUNT(core->peers->table) },
		{ "peers_forgotten_total", true, "Addresses forgotten because there were max_peers.",
		  core->peers->forgotten },
		{ "banned", false, "Addresses that are banned.", wsm__peers_banned(core) },
		{ "bans_total", true, "Bans, automatic and by hand.", core->peers->bans },
		{ "banned_refused_total", true, "Connections of banned addresses turned away.",
		  core->peers->banned_refused },
		{ "handshakes_deferred_total", true, "Requests that have waited for another turn of the loop.",
		  core->handshakes_deferred },
		{ "once", false, "Ids of publications that are remembered.", wsm__once_count(&core->once) },
		{ "once_forgotten_total", true, "Ids of publications forgotten early because there were max_once.",
		  core->once.forgotten },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add_metric(out, rows[i].name, rows[i].counter, rows[i].help);
		add_value(out, rows[i].name, NULL, NULL, rows[i].value);
	}
	add_metric(out, "limits_broken_total", true, "Times a client wanted more than a limit allows.");
	for (int i = 0; i < WSM__LIMIT_COUNT; i++)
		add_value(out, "limits_broken_total", "limit", wsm__limit_name((enum wsm__limit)i),
		          core->limits_broken[i]);
	add_metric(out, "offences_total", true, "What counts towards a ban.");
	for (int i = 0; i < WSM__OFFENCE_COUNT; i++)
		add_value(out, "offences_total", "kind", wsm__offence_name((enum wsm__offence)i),
		          core->peers->offences[i]);
}
