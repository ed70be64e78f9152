#include "runtime_common.h"

wsm_runtime *fuzz_runtime(const char *const *options)
{
	static wsm_runtime *runtime; /* of the process, which is the fuzzer's own */
	wsm_config *config;
	wsm_error error;

	if (runtime)
		return runtime;
	config = wsm_config_new();
	CHECK(config);
	for (; *options; options += 2)
		CHECK(!wsm_config_set(config, options[0], options[1], &error));
	runtime = wsm_runtime_new(config, &error);
	wsm_config_free(config);
	CHECK(runtime && !wsm_runtime_start(runtime, &error));
	return runtime;
}

wsm_slice fuzz_line(wsm_slice *rest)
{
	const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
	wsm_slice line = wsm__slice(rest->data, end ? (size_t)(end - rest->data) : rest->len);
	size_t used = line.len + (end ? 1 : 0);

	*rest = wsm__slice(rest->data + used, rest->len - used);
	return line;
}
