/* order.h - the host's commands that are a few texts and numbers: one struct for each kind. */
#ifndef WSM_HOST_ORDER_H
#define WSM_HOST_ORDER_H

#include "host/command.h"

struct wsm__order {
	struct wsm__command_node head; /* its kind says which member is set */
	union {
		struct {
			wsm_slice user_id, room;
		} subscription; /* SUBSCRIBE, UNSUBSCRIBE */
		struct {
			wsm_slice id; /* a client's; for DISCONNECT_USER a user's */
			wsm_slice reason;
			unsigned code;
		} disconnection; /* DISCONNECT, DISCONNECT_USER */
		struct {
			wsm_slice ip, reason;
			uint64_t ms; /* 0: the ban is lifted */
		} ban;
		struct {
			uint64_t ticket;
			wsm_decision decision;
		} authenticated;
		struct {
			uint64_t ticket;
			bool allow;
		} authorized;
		struct {
			uint64_t conn;
			wsm_slice action, id, json, error_code;
		} reply;
		struct {
			wsm_slice user_id;  /* empty: a single token was revoked */
			uint64_t before_ms; /* Unix time */
		} revoked;
		struct {
			unsigned checks; /* of wsm__checks_add() */
		} checked;
		struct {
			uint64_t conn;
		} drain; /* CONN_DRAIN */
		struct {
			uint64_t conn;
			wsm_slice data;
			bool binary;
		} received; /* BRIDGE_RECEIVE */
		struct {
			uint64_t conn;
			size_t bytes;
		} written; /* BRIDGE_WRITTEN */
		struct {
			uint64_t conn;
			unsigned code;
			wsm_slice reason;
		} closed; /* BRIDGE_CLOSED */
	};
};

/* Any thread. Posts a copy of an order and its texts, each with a NUL. WSM_ENOMEM, or the errors of wsm__post(). */
int wsm__order_post(wsm_runtime *runtime, const struct wsm__order *order, bool force, wsm_error *error);

#endif
