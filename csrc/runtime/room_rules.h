/* room_rules.h - what room rules and options come to for a room. */
#ifndef WSM_RUNTIME_ROOM_RULES_H
#define WSM_RUNTIME_ROOM_RULES_H

struct wsm__core;

/* Makes the registry by the options and room rules, and what goes with it. */
void wsm__rooms_init(struct wsm__core *core);

#endif
