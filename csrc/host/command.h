/* command.h - the head of every command in the host's queue. */
#ifndef WSM_HOST_COMMAND_H
#define WSM_HOST_COMMAND_H

#include "base/queue.h"
#include "ws_manager.h"

enum wsm__command_kind {
	WSM__CMD_PUBLISH,
	WSM__CMD_SUBSCRIBE,
	WSM__CMD_UNSUBSCRIBE,
	WSM__CMD_DISCONNECT,
	WSM__CMD_DISCONNECT_USER,
	WSM__CMD_BAN,
	WSM__CMD_ADOPT,
	WSM__CMD_BRIDGE_OPEN,
	WSM__CMD_BRIDGE_RECEIVE,
	WSM__CMD_BRIDGE_WRITTEN,
	WSM__CMD_BRIDGE_CLOSED,
	WSM__CMD_AUTHENTICATED,
	WSM__CMD_AUTHORIZED,
	WSM__CMD_REPLY,
	WSM__CMD_REVOKED,
	WSM__CMD_UNREVOKED,
	WSM__CMD_CHECKED,
	WSM__CMD_KEYS,
	WSM__CMD_QUERY,
	WSM__CMD_CONN_DRAIN,
	WSM__CMD_STOP
};

struct wsm__command_node {
	struct wsm__node node;
	enum wsm__command_kind kind;
	unsigned rank; /* in a full queue: 0 is never dropped; publications have their wsm_priority */
	size_t bytes;  /* that count towards max_pending */
};

#endif
