/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Takes the place of libtpms' TPM 1.2, which is then not linked. libtpms' library layer refers to TPM 1.2 by this table
 * of functions, and uses it only if TPM 1.2 was chosen; the engine chooses TPM 2.0 before anything else.
 */
enum { INTERFACE_FUNCTIONS = 16 }; /* libtpms, tpm_library_intern.h, struct tpm_interface */

void *const TPM12Interface[INTERFACE_FUNCTIONS];
