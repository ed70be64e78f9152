/* The blob of a publication: what goes in comes out, and what is damaged or foreign is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "log/blob.h"
#include "rooms/publication.h"

static const struct wsm__stamp stamp = { "2026-01-02T03:04:05.678Z", "01ABCDEFGHJKMNPQRSTVWXYZ01" };

static void write(struct wsm__buffer *out)
{
	const wsm_slice ids[] = { { "u1", 2 }, { "client-2", 8 } };
	const wsm_member members[] = { { { "from", 4 }, { "{\"user_id\":\"7\"}", 15 } } };
	struct wsm__publish publish = {
		.exclude = wsm__exclude_new(ids, 2),
		.flat = true,
		.priority = WSM_CRITICAL,
		.level = WSM_ERROR,
		.members = members,
		.n_members = 1,
		.type = { "note", 4 },
		.payload = { "{\"a\":1}", 7 },
	};

	wsm__buffer_init(out);
	wsm__blob_write(out, &publish, &stamp);
	wsm__exclude_unref(publish.exclude);
	assert_false(out->failed);
}

static void what_goes_in_comes_out(void **state)
{
	struct wsm__unblobbed read;
	struct wsm__buffer blob;

	(void)state;
	write(&blob);
	assert_int_equal(wsm__blob_read(&read, wsm__slice(blob.data, blob.len)), WSM_OK);
	assert_true(read.publish.flat);
	assert_false(read.publish.by_core);
	assert_int_equal(read.publish.priority, WSM_CRITICAL);
	assert_int_equal(read.publish.level, WSM_ERROR);
	assert_true(wsm__slice_is(read.publish.type, "note"));
	assert_true(wsm__slice_is(read.publish.payload, "{\"a\":1}"));
	assert_int_equal(read.publish.n_members, 1);
	assert_true(wsm__slice_is(read.publish.members[0].name, "from"));
	assert_true(wsm__slice_is(read.publish.members[0].json, "{\"user_id\":\"7\"}"));
	assert_string_equal(read.stamp.timestamp, stamp.timestamp);
	assert_string_equal(read.stamp.message_id, stamp.message_id);
	assert_true(wsm__excluded(read.publish.exclude, wsm__str("client-2"), wsm__str("")));
	assert_true(wsm__excluded(read.publish.exclude, wsm__str("x"), wsm__str("u1")));
	assert_false(wsm__excluded(read.publish.exclude, wsm__str("x"), wsm__str("u2")));
	wsm__blob_release(&read);
	wsm__buffer_fini(&blob);
}

/* Each beginning of it is damaged but those that end with a field; none of them reads beyond its end. */
static void every_cut_is_survived(void **state)
{
	struct wsm__unblobbed read;
	struct wsm__buffer blob;
	unsigned refused = 0;

	(void)state;
	write(&blob);
	for (size_t len = 0; len < blob.len; len++) {
		char *cut = malloc(len ? len : 1);

		memcpy(cut, blob.data, len);
		refused += wsm__blob_read(&read, wsm__slice(cut, len)) == WSM_EINVAL;
		wsm__blob_release(&read);
		free(cut);
	}
	assert_in_range(refused, blob.len - 10, blob.len - 1);
	wsm__buffer_fini(&blob);
}

static void other_versions_are_refused_and_other_fields_passed_over(void **state)
{
	static const char field[] = { 99, 3, 0, 0, 0, 'n', 'e', 'w' };
	struct wsm__unblobbed read;
	struct wsm__buffer blob;

	(void)state;
	write(&blob);
	wsm__buffer_add(&blob, field, sizeof(field));
	assert_int_equal(wsm__blob_read(&read, wsm__slice(blob.data, blob.len)), WSM_OK);
	assert_true(wsm__slice_is(read.publish.type, "note"));
	wsm__blob_release(&read);
	blob.data[0] = 2;
	assert_int_equal(wsm__blob_read(&read, wsm__slice(blob.data, blob.len)), WSM_EINVAL);
	wsm__blob_release(&read);
	blob.data[0] = 1;
	blob.data[2] = 9; /* no priority */
	assert_int_equal(wsm__blob_read(&read, wsm__slice(blob.data, blob.len)), WSM_EINVAL);
	wsm__blob_release(&read);
	wsm__buffer_fini(&blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(every_cut_is_survived),
		cmocka_unit_test(other_versions_are_refused_and_other_fields_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
