#include "core/core.h"

void wsm__core_now(struct wsm__core *core)
{
	core->now_us = wsm__mono_us();
	core->now_ms = core->now_us / 1000;
}

void wsm__core_stamp(struct wsm__core *core, struct wsm__stamp *stamp)
{
	uint64_t unix_ms = wsm__unix_ms();

	wsm__timestamp(unix_ms, stamp->timestamp);
	wsm__ulid_next(&core->ulid, unix_ms, stamp->message_id);
}
