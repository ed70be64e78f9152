#include "clients/ban.h"

#include "clients/conn.h"
#include "clients/peers.h"

static void close_all(struct wsm__core *core, const struct wsm__peer *peer, const char *reason)
{
	struct wsm__conn *conn, *next;

	for (conn = core->by_number; conn; conn = next) {
		next = conn->by_number.next;
		if (conn->peer == peer)
			wsm__conn_close(conn, 4403, reason);
	}
}

void wsm__ban(struct wsm__core *core, const struct wsm__address *address, double seconds, wsm_slice reason)
{
	const struct wsm__peer *peer = wsm__peers_ban(core, address, seconds, reason);

	if (peer)
		close_all(core, peer, peer->by_hand);
}

void wsm__ban_again(struct wsm__core *core, const struct wsm__address *address, const struct wsm__ban *ban)
{
	const struct wsm__peer *peer = wsm__peers_ban_again(core, address, ban);

	if (peer)
		close_all(core, peer, peer->by_hand ? peer->by_hand : peer->record.reason);
}
