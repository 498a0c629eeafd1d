/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Included before every OpenSSL file: what OpenSSL's system "UEFI" expects of its environment. Assembly sees it too.
 */
#ifndef ENGINE_OPENSSL_ENVIRONMENT_H
#define ENGINE_OPENSSL_ENVIRONMENT_H

/* The width of a big number's word: crypto/bn/bn_local.h. */
#define SIXTY_FOUR_BIT_LONG

#ifndef __ASSEMBLER__
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The names from which include/openssl/e_os2.h derives the C99 types. */
typedef int8_t INT8;
typedef uint8_t UINT8;
typedef int16_t INT16;
typedef uint16_t UINT16;
typedef int32_t INT32;
typedef uint32_t UINT32;
typedef int64_t INT64;
typedef uint64_t UINT64;
typedef ssize_t INTN;
#define MAX_INTN INTPTR_MAX

/* Code that tests __BYTE_ORDER without finding it silently becomes big endian. */
#ifndef __BYTE_ORDER
#define __LITTLE_ENDIAN 1234
#define __BIG_ENDIAN 4321
#define __BYTE_ORDER __LITTLE_ENDIAN
#endif
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "__BYTE_ORDER above says little endian");
#endif

#endif
