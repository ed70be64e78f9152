#include "core/limits.h"

static const char *const names[] = {
#define WSM_X(name) #name,
	WSM__LIMITS(WSM_X)
#undef WSM_X
};

const char *wsm__limit_name(enum wsm__limit limit)
{
	return names[limit];
}
