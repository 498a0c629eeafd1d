/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How bytes and numbers travel on the line: CRC-32 (IEEE 802.3), base64 (RFC 4648), hexadecimal.
 */
#ifndef CODEC_H
#define CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills the tables. Before any other function here. */
void codec_start(void);

/* The same as Python's `zlib.crc32`. */
uint32_t crc32(const void *bytes, size_t count);

/* Encodes with padding. Writes 4 characters per 3 bytes begun and no terminator; returns the number of characters. */
size_t base64_encode(const void *bytes, size_t count, char *text);

/* Decodes a whole word, with its padding, into at most `capacity` bytes. False: malformed, or too long. */
bool base64_decode(const char *word, void *bytes, size_t capacity, size_t *count);

/* Reads a whole word as a hexadecimal number of at most 64 bits, with or without 0x. False: it is not one. */
bool parse_hex(const char *word, uint64_t *value);

/* Writes at most 16 digits, no leading zeros; returns their number. */
size_t format_hex(uint64_t value, char *text);

#endif
