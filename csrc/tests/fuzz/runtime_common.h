/* runtime_common.h - one runtime for all inputs of a fuzzer. Its thread has done everything before a question to it is answered. */
#ifndef WSM_FUZZ_RUNTIME_COMMON_H
#define WSM_FUZZ_RUNTIME_COMMON_H

#include "check.h"

/* Made and started by the first call, with option, value, …, NULL. */
wsm_runtime *fuzz_runtime(const char *const *options);
/* The next line of `rest`, without its end; all that is left if there is none. */
wsm_slice fuzz_line(wsm_slice *rest);

#endif
