/* SipHash-2-4 against the vectors of the paper (appendix A) and of its reference implementation. */
#include "exact.h"

#include "base/siphash.h"

static const uint8_t key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static uint64_t hash_of_first(size_t len)
{
	uint8_t bytes[64];
	wsm_slice copy;
	uint64_t hash;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	copy = exact(bytes, len);
	hash = wsm__siphash(copy.data, copy.len, key);
	drop(copy);
	return hash;
}

static void the_published_vectors_come_out(void **state)
{
	(void)state;
	assert_true(hash_of_first(15) == UINT64_C(0xa129ca6149be45e5)); /* the paper's example */
	assert_true(hash_of_first(0) == UINT64_C(0x726fdb47dd0e0e31));
	assert_true(hash_of_first(1) == UINT64_C(0x74f839c593dc67fd));
	assert_true(hash_of_first(7) == UINT64_C(0xab0200f58b01d137));
	assert_true(hash_of_first(8) == UINT64_C(0x93f5f5799a932462));
	assert_true(hash_of_first(63) == UINT64_C(0x958a324ceb064572));
}

static void another_key_gives_another_hash(void **state)
{
	uint8_t other[16];

	(void)state;
	memcpy(other, key, sizeof(other));
	other[15] ^= 1;
	assert_true(wsm__siphash("room", 4, key) != wsm__siphash("room", 4, other));
	assert_true(wsm__siphash("room", 4, key) == wsm__siphash("room", 4, key));
}

static void no_bytes_may_be_a_null_pointer(void **state)
{
	(void)state;
	assert_true(wsm__siphash(NULL, 0, key) == UINT64_C(0x726fdb47dd0e0e31));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_vectors_come_out),
		cmocka_unit_test(another_key_gives_another_hash),
		cmocka_unit_test(no_bytes_may_be_a_null_pointer),
	};

	return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
