/* Rooms by pattern: the public call. */
#include "net/runtime.h"

int wsm_room_rule_set(wsm_runtime *runtime, wsm_slice pattern, wsm_slice setting, wsm_slice value, wsm_error *error)
{
	int status = wsm__runtime_check_fork(runtime, error);

	return status ? status : wsm__rules_set(&runtime->rules, pattern, setting, value, error);
}
