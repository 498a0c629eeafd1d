/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How bytes and numbers travel on the line: CRC-32 (IEEE 802.3), base64 (RFC 4648), hexadecimal.
 */
#ifndef CODEC_H
#define CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void codec_start(void);
uint32_t crc32(const void *bytes, size_t count);

/* Number of characters, without a terminator. */
size_t base64_encode(const void *bytes, size_t count, char *text);

/* Decodes a whole word into at most `capacity` bytes. False: malformed, or too long. */
bool base64_decode(const char *word, void *bytes, size_t capacity, size_t *count);

/* A whole word, hexadecimal, with or without 0x. */
bool parse_hex(const char *word, uint64_t *value);

/* Writes at most 16 digits, no leading zeros; returns their number. */
size_t format_hex(uint64_t value, char *text);

#endif
