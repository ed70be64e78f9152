/* ban.h - bans by hand. */
#ifndef WSM_CLIENTS_BAN_H
#define WSM_CLIENTS_BAN_H

#include "ws_manager.h"

struct wsm__address;
struct wsm__ban;
struct wsm__core;

/* Bans or forgives by wsm__peers_ban(), and closes the connections of a banned address with 4403. */
void wsm__ban(struct wsm__core *core, const struct wsm__address *address, double seconds, wsm_slice reason);
/* As wsm__peers_ban_again(), and closes the connections of that address with 4403. */
void wsm__ban_again(struct wsm__core *core, const struct wsm__address *address, const struct wsm__ban *ban);

#endif
