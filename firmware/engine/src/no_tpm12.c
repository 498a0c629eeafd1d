/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Takes the place of libtpms' TPM 1.2, which is then not linked. libtpms' library layer refers to it by this table of
 * functions and follows it only when TPM 1.2 was chosen; the engine always chooses TPM 2.0 first.
 */
enum { INTERFACE_FUNCTIONS = 16 }; /* libtpms, tpm_library_intern.h, struct tpm_interface */

void *const TPM12Interface[INTERFACE_FUNCTIONS];
