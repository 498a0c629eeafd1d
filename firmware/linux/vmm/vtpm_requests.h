/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What may be asked about the VM's vTPMs. Word 1 is the index of an instance; the answer is a status of vtpm_abi.h, and
 * more if that is VTPM_OK. README.md lists arguments and answers.
 */
#ifndef VMM_VTPM_REQUESTS_H
#define VMM_VTPM_REQUESTS_H

#include "words.h"

void request_vtpm_create(const struct words *words, struct reply *reply);
void request_vtpm_place(const struct words *words, struct reply *reply);
void request_vtpm_reset(const struct words *words, struct reply *reply);
void request_vtpm_destroy(const struct words *words, struct reply *reply);
void request_vtpm_info(const struct words *words, struct reply *reply);

/* The queue's bytes, without a status. */
void request_vtpm_queue(const struct words *words, struct reply *reply);

#endif
