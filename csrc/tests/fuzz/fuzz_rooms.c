/* The state machine of rooms_model.h: subscribers that come, lag, leave and resume while others publish. */
#include "check.h"

#include <stdio.h>

#include "tests/support/rooms_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model *model = calloc(1, sizeof(*model));
	const char *fault;

	if (size > 8192)
		size = 8192;
	fault = model_run(model, data, size);
	if (fault)
		fprintf(stderr, "%s\n", fault);
	CHECK(!fault);
	model_fini(model);
	free(model);
	return 0;
}
