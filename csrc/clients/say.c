/* Publishes for clients: refuses messages that only the core may send, and adds the name of the publisher. */
#include "clients/say.h"

#include <stdio.h>

#include "clients/conn.h"
#include "clients/words.h"
#include "core/publish.h"
#include "events/catalogue.h"
#include "host/refusals.h"
#include "host/route.h"
#include "wire/command.h"
#include "wire/envelope.h"
#include "wire/json.h"
#include "wire/own.h"

static bool refuse(struct wsm__conn *conn, const struct wsm__command *command, const char *sentence)
{
	char type[80], room[80], user[80], why[200];

	wsm__refusal_tell(conn->core->runtime, WSM__REFUSED_PUBLICATION,
	                  "a publication of type \"%s\" to \"%s\" by %s%s (%s): %s",
	                  wsm__log_text(type, sizeof(type), command->type),
	                  wsm__log_text(room, sizeof(room), command->room),
	                  conn->sub.user_id.len ? "user " : "somebody unknown",
	                  wsm__log_text(user, sizeof(user), conn->sub.user_id), conn->info->ip,
	                  wsm__log_text(why, sizeof(why), wsm__str(sentence)));
	wsm__conn_error(conn, "bad_request", sentence, command->name, command->id);
	return false;
}

/* The fields of some events stand beside those of the envelope. */
static bool check_flat(struct wsm__conn *conn, const struct wsm__command *command)
{
	wsm_slice name, value;
	size_t position = 0;
	char sentence[160];
	int more;

	while ((more = wsm__json_next(command->data, &position, &name, &value)) == 1) {
		if (!wsm__envelope_owns(name))
			continue;
		snprintf(sentence, sizeof(sentence),
		         "the member \"%.*s\" of this event is the server's to say: call it otherwise",
		         (int)(name.len > 60 ? 60 : name.len), name.data);
		return refuse(conn, command, sentence);
	}
	return more == 0 || refuse(conn, command, "the data of this event must be an object");
}

static bool check(struct wsm__conn *conn, const struct wsm__command *command, wsm_slice type)
{
	const struct wsm__event_type *event = wsm__event_type_find(type);

	if (wsm__own_type(type) || wsm__words_have(conn->core, type) ||
	    wsm__endpoints_say(&conn->core->runtime->endpoints, type))
		return refuse(conn, command, "this type is the server's own: choose another name");
	return !event || !event->flat || check_flat(conn, command);
}

/* {"user_id":…,"client_id":…} */
static void describe(const struct wsm__conn *conn, struct wsm__buffer *out)
{
	wsm__buffer_init(out);
	wsm__buffer_add_str(out, "{\"user_id\":");
	if (*conn->info->user_id)
		wsm__buffer_add_json(out, wsm__str(conn->info->user_id));
	else
		wsm__buffer_add_str(out, "null");
	wsm__buffer_add_str(out, ",\"client_id\":");
	wsm__buffer_add_json(out, wsm__str(conn->info->client_id));
	wsm__buffer_add_str(out, "}");
}

static void answer(struct wsm__conn *conn, wsm_slice action, wsm_slice id, const wsm_delivery *delivery)
{
	struct wsm__buffer data;

	if (delivery->status) {
		wsm__conn_error(conn, wsm_status_code(delivery->status), wsm_status_text(delivery->status), action, id);
		return;
	}

	wsm__buffer_init(&data);
	wsm__buffer_add_str(&data, "{\"epoch\":");
	if (delivery->offset)
		wsm__buffer_add_json(&data, wsm__str(delivery->epoch));
	else
		wsm__buffer_add_str(&data, "null");
	wsm__buffer_addf(&data, ",\"offset\":%llu}", (unsigned long long)delivery->offset);
	wsm__conn_answer_from(conn, "published", &data, id);
	wsm__buffer_fini(&data);
}

static void published(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	struct wsm__conn *conn = ticket->who;

	if (conn->state == WSM__CONN_OPEN && outcome->delivery)
		answer(conn, ticket->action, ticket->id, outcome->delivery);
}

/* Answers when the log of the room has it. */
static void wait_for_log(struct wsm__conn *conn, const struct wsm__command *command, struct wsm__sending *sending)
{
	const wsm_slice texts[3] = { wsm__str(NULL), command->name, command->id };
	struct wsm__ticket *ticket = wsm__ticket_new(conn->core, WSM__AWAITS_LOG, &conn->waits, conn, published, texts);

	if (ticket)
		wsm__publish_then(sending, wsm__ticket_published, ticket->number);
}

void wsm__client_publish(struct wsm__conn *conn, const struct wsm__command *command)
{
	wsm_member from = { .name = wsm__str("from") };
	wsm_publication publication = {
		.target = WSM_TO_ROOM,
		.ids = &command->room,
		.n_ids = 1,
		.type = command->type.len ? command->type : wsm__str("message"),
		.members = &from,
		.n_members = 1,
	};
	struct wsm__sending *sending;
	struct wsm__publish *made;
	struct wsm__buffer author;
	wsm_delivery delivery;
	wsm_error error;

	if (!check(conn, command, publication.type))
		return;
	describe(conn, &author);
	from.json = wsm__slice(author.data, author.len);
	if (author.failed) {
		wsm__conn_error(conn, "internal", "the server is out of memory", command->name, command->id);
	} else if (wsm__publish_new(&publication, command->data, &made, &error)) {
		refuse(conn, command, error.message);
	} else {
		sending = wsm__publish_start(conn->core, made, &delivery);
		if (sending)
			wait_for_log(conn, command, sending);
		else
			answer(conn, command->name, command->id, &delivery);
	}
	wsm__buffer_fini(&author);
}
