/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How bytes and numbers travel on the line. CRC and base64 go by tables, because requests are tens of kilobytes and an
 * emulated CPU is slow.
 */
#include "codec.h"

#define CRC_POLYNOMIAL 0xEDB88320U /* of CRC-32 (IEEE 802.3), its bits reversed: the least significant comes first */
#define NOT_A_DIGIT 0xFFU
#define PAD '='

/* RFC 4648, table 1. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static uint8_t digits[256];
static uint32_t crc_table[256];

void codec_start(void)
{
	for (unsigned int i = 0; i < 256U; i++) {
		uint32_t crc = i;

		for (unsigned int bit = 0; bit < 8U; bit++) {
			crc = (crc >> 1U) ^ ((crc & 1U) != 0U ? CRC_POLYNOMIAL : 0U);
		}
		crc_table[i] = crc;
		digits[i] = NOT_A_DIGIT;
	}
	for (uint8_t i = 0; i < 64U; i++) {
		digits[(uint8_t)alphabet[i]] = i;
	}
}

uint32_t crc32(const void *bytes, size_t count)
{
	const uint8_t *byte = bytes;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < count; i++) {
		crc = (crc >> 8U) ^ crc_table[(crc ^ byte[i]) & 0xFFU];
	}
	return ~crc;
}

size_t base64_encode(const void *bytes, size_t count, char *text)
{
	const uint8_t *byte = bytes;
	size_t out = 0;

	for (size_t i = 0; i < count; i += 3U) {
		size_t left = count - i;
		uint32_t group = (uint32_t)byte[i] << 16U | (left > 1U ? (uint32_t)byte[i + 1U] << 8U : 0U) |
				 (left > 2U ? byte[i + 2U] : 0U);

		text[out++] = alphabet[group >> 18U];
		text[out++] = alphabet[(group >> 12U) % 64U];
		text[out++] = left > 1U ? alphabet[(group >> 6U) % 64U] : PAD;
		text[out++] = left > 2U ? alphabet[group % 64U] : PAD;
	}
	return out;
}

/* Decodes four characters; returns the number of bytes, 0 when malformed. */
static size_t decode_group(const char *text, uint8_t bytes[3])
{
	uint32_t group = 0;
	size_t pads = text[2] == PAD ? 2U : text[3] == PAD ? 1U : 0U;

	for (size_t i = 0; i < 4U; i++) {
		uint8_t digit = i >= 4U - pads && text[i] == PAD ? 0U : digits[(uint8_t)text[i]];

		if (digit == NOT_A_DIGIT) {
			return 0;
		}
		group = group << 6U | digit;
	}
	bytes[0] = (uint8_t)(group >> 16U);
	bytes[1] = (uint8_t)(group >> 8U);
	bytes[2] = (uint8_t)group;
	return 3U - pads;
}

bool base64_decode(const char *word, void *bytes, size_t capacity, size_t *count)
{
	uint8_t *out = bytes;
	size_t done = 0;

	while (*word != '\0') {
		uint8_t group[3];
		size_t got;

		for (size_t i = 0; i < 4U; i++) {
			if (word[i] == '\0') {
				return false;
			}
		}
		got = decode_group(word, group);
		word += 4;
		if (got == 0U || got > capacity - done || (got < 3U && *word != '\0')) {
			return false;
		}
		for (size_t i = 0; i < got; i++) {
			out[done++] = group[i];
		}
	}
	*count = done;
	return true;
}

static uint8_t hex_digit(char character)
{
	if (character >= '0' && character <= '9') {
		return (uint8_t)(character - '0');
	}
	character = (char)(character | 0x20);
	return character >= 'a' && character <= 'f' ? (uint8_t)(character - 'a' + 10) : NOT_A_DIGIT;
}

bool parse_hex(const char *word, uint64_t *value)
{
	unsigned int count = 0;

	if (word[0] == '0' && word[1] == 'x') {
		word += 2;
	}
	*value = 0;
	for (; *word != '\0'; word++, count++) {
		uint8_t digit = hex_digit(*word);

		if (digit == NOT_A_DIGIT) {
			return false;
		}
		*value = *value << 4U | digit;
	}
	return count >= 1U && count <= 16U;
}

size_t format_hex(uint64_t value, char *text)
{
	size_t count = 1;

	for (uint64_t rest = value >> 4U; rest != 0U; rest >>= 4U) {
		count++;
	}
	for (size_t i = count; i > 0U; i--) {
		text[i - 1U] = "0123456789abcdef"[value % 16U];
		value >>= 4U;
	}
	return count;
}
