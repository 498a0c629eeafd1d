/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Functions that libtpms and OpenSSL refer to and never call here: with the engine's callbacks libtpms opens no file,
 * and no TPM command makes OpenSSL open one. If one is called after all, that is no longer true, so it ends the engine.
 *
 * They are declared without their headers, because only the symbols matter: none of them returns.
 */
#include "leave.h"

#define NO_SYSTEM(name)                                                                                                \
	_Noreturn void name(void);                                                                                     \
	_Noreturn void name(void)                                                                                      \
	{                                                                                                              \
		engine_fatal(ENGINE_FAULT_NO_SYSTEM);                                                                  \
	}

/* libtpms, NVMem.c: NV memory in a file. */
NO_SYSTEM(fopen)
NO_SYSTEM(fclose)
NO_SYSTEM(fread)
NO_SYSTEM(fseek)
NO_SYSTEM(ftell)
NO_SYSTEM(fflush)
NO_SYSTEM(remove)

/* libtpms, Helpers.c and NVMarshal.c: debugging output, left out of release builds. */
NO_SYSTEM(fwrite)
void *const stderr;

/* libtpms, TPMLIB_DecodeBlob(): not called. The table would have to be glibc's. */
NO_SYSTEM(__ctype_b_loc)

/* OpenSSL: the "file:" key store, HTTP, and certificates. */
NO_SYSTEM(stat)
NO_SYSTEM(gmtime)
NO_SYSTEM(sscanf)
NO_SYSTEM(strtol)
NO_SYSTEM(strtoul)
