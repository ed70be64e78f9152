#include "core/control.h"

#include "core/core.h"
#include "wire/envelope.h"

struct wsm__pub *wsm__control_pub(struct wsm__core *core, wsm_slice type, wsm_slice data, wsm_slice id, bool ping)
{
	wsm_member id_member = { wsm__str("id"), id };
	struct wsm__stamp stamp;
	struct wsm__envelope envelope = {
		.type = type,
		.payload = data.len ? data : wsm__str("{}"),
		.members = &id_member,
		.n_members = id.len ? 1 : 0,
	};
	struct wsm__buffer text;
	struct wsm__pub *pub = NULL;

	wsm__core_stamp(core, &stamp);
	envelope.timestamp = wsm__str(stamp.timestamp);
	envelope.message_id = wsm__str(stamp.message_id);
	wsm__buffer_init(&text); /* its own: `data` may stand in core->text */
	if (!wsm__envelope_write(&text, &envelope, NULL))
		pub = wsm__pub_new(WSM__TEXT, wsm__slice(text.data, text.len), ping);
	if (pub)
		pub->control = true;
	wsm__buffer_fini(&text);
	return pub;
}
