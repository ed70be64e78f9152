#include "policy/ban.h"

#include "base/slice.h"

static const struct {
	const char *name, *reason;
	float weight;
} offences[] = {
#define WSM_X(name, weight, reason) { #name, reason, weight },
	WSM__OFFENCES(WSM_X)
#undef WSM_X
};

/* Points fade evenly: as many as the threshold in one window. */
static double points_at(const struct wsm__record *record, const struct wsm__ban_rules *rules, uint64_t now_ms)
{
	uint64_t passed = now_ms > record->noted_ms ? now_ms - record->noted_ms : 0;
	double left = (double)record->points - rules->threshold * (double)passed / (double)rules->window_ms;

	return left > 0 ? left : 0;
}

static uint32_t doublings_at(const struct wsm__record *record, const struct wsm__ban_rules *rules, uint64_t now_ms)
{
	uint64_t quiet = now_ms > record->until_ms ? now_ms - record->until_ms : 0;
	uint64_t forgotten = quiet / rules->most_ms;

	return forgotten < record->doublings ? record->doublings - (uint32_t)forgotten : 0;
}

uint64_t wsm__ban_offence(struct wsm__record *record, const struct wsm__ban_rules *rules, enum wsm__offence offence,
                          double credit, uint64_t now_ms)
{
	uint64_t length = rules->first_ms;

	if (!(rules->threshold > 0) || wsm__ban_active(record, now_ms))
		return 0;
	record->points = (float)points_at(record, rules, now_ms) + offences[offence].weight;
	record->noted_ms = now_ms;
	if ((double)record->points < rules->threshold + credit)
		return 0;
	record->doublings = doublings_at(record, rules, now_ms);
	for (uint32_t i = 0; i < record->doublings && length < rules->most_ms; i++)
		length *= 2;
	if (length > rules->most_ms)
		length = rules->most_ms;
	record->points = 0;
	record->doublings++;
	record->until_ms = now_ms + length;
	record->reason = offences[offence].reason;
	return length;
}

bool wsm__ban_forgotten(const struct wsm__record *record, const struct wsm__ban_rules *rules, uint64_t now_ms)
{
	return !wsm__ban_active(record, now_ms) && !doublings_at(record, rules, now_ms) &&
	       points_at(record, rules, now_ms) <= 0;
}

const char *wsm__ban_reason(wsm_slice text)
{
	for (int i = 0; i < WSM__OFFENCE_COUNT; i++)
		if (wsm__slice_is(text, offences[i].reason))
			return offences[i].reason;
	return "repeated offences";
}

const char *wsm__offence_name(enum wsm__offence offence)
{
	return offences[offence].name;
}
