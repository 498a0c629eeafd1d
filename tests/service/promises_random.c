/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands behind randomness and authenticity where the CPU has no instructions for them. */
#include <string.h>

#include "promise.h"
#include "seeded.h"
#include "sha256.h"

/* In parts, so that blocks are begun, continued and ended. */
static void hash_in_parts(const uint8_t *data, size_t bytes, size_t part, uint8_t digest[SHA256_BYTES])
{
	struct sha256 hash;

	sha256_start(&hash);
	for (size_t done = 0; done < bytes; done += part) {
		sha256_add(&hash, data + done, bytes - done < part ? bytes - done : part);
	}
	sha256_finish(&hash, digest);
}

static void check_digest(const char *message, const char *expected)
{
	uint8_t digest[SHA256_BYTES];
	char text[2 * SHA256_BYTES + 1];

	for (size_t part = 1; part <= 2 * SHA256_BLOCK_BYTES; part++) {
		hash_in_parts((const uint8_t *)message, strlen(message), part, digest);
		for (size_t byte = 0; byte < sizeof(digest); byte++) {
			snprintf(&text[2 * byte], 3, "%02x", digest[byte]);
		}
		CHECK(strcmp(text, expected) == 0);
	}
}

/* NIST, "Examples with intermediate values", SHA-256; and the empty message of the SHAVS. */
PROMISE(sha256_gives_the_published_digests)
{
	check_digest("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_digest("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	check_digest("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmno"
		     "pqrsmnopqrstnopqrstu",
		     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
}

static void seed_with(uint8_t seed[SEEDED_MINIMUM_BYTES])
{
	for (size_t byte = 0; byte < SEEDED_MINIMUM_BYTES; byte++) {
		seed[byte] = (uint8_t)(byte * 7);
	}
}

PROMISE(words_from_a_seed_do_not_repeat_and_depend_on_all_of_it)
{
	enum { WORDS = 64 };
	uint8_t seed[SEEDED_MINIMUM_BYTES];
	struct seeded one;
	struct seeded other;
	uint64_t words[WORDS];

	seed_with(seed);
	CHECK(seeded_start(&one, seed, sizeof(seed)));
	for (unsigned int i = 0; i < WORDS; i++) {
		words[i] = seeded_word(&one);
		for (unsigned int before = 0; before < i; before++) {
			CHECK(words[before] != words[i]);
		}
	}
	for (size_t byte = 0; byte < sizeof(seed); byte++) {
		seed[byte] ^= 1;
		CHECK(seeded_start(&other, seed, sizeof(seed)));
		CHECK(seeded_word(&other) != words[0]);
		seed[byte] ^= 1;
	}
	CHECK(seeded_start(&other, seed, sizeof(seed)));
	CHECK(seeded_word(&other) == words[0]);
}

PROMISE(what_a_generator_remembers_tells_nothing_about_words_it_has_given_out)
{
	uint8_t seed[SEEDED_MINIMUM_BYTES];
	uint8_t memory[sizeof(struct seeded)];
	struct seeded generator;
	uint64_t given[5];

	seed_with(seed);
	CHECK(seeded_start(&generator, seed, sizeof(seed)));
	for (unsigned int i = 0; i < 5; i++) {
		given[i] = seeded_word(&generator);
	}
	memcpy(memory, &generator, sizeof(memory));
	for (unsigned int i = 0; i < 5; i++) {
		for (size_t at = 0; at + sizeof(given[i]) <= sizeof(memory); at++) {
			CHECK(memcmp(&memory[at], &given[i], sizeof(given[i])) != 0);
		}
	}
}

PROMISE(a_seed_that_cannot_be_one_is_refused)
{
	uint8_t seed[SEEDED_MINIMUM_BYTES] = {0};
	struct seeded generator;

	CHECK(!seeded_start(&generator, seed, sizeof(seed)));
	memset(seed, 0xff, sizeof(seed));
	CHECK(!seeded_start(&generator, seed, sizeof(seed)));
	seed_with(seed);
	CHECK(!seeded_start(&generator, seed, sizeof(seed) - 1));
	CHECK(!seeded_start(&generator, NULL, 0));
}
