/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of the dialogue about the VM's vTPMs. Word 1 is the index of an instance; the answer begins with a status of
 * vtpm_abi.h, and has more if that is VTPM_OK. README.md lists arguments and answers.
 */
#ifndef VMM_VTPM_REQUESTS_H
#define VMM_VTPM_REQUESTS_H

#include "words.h"

void request_vtpm_create(const struct words *words, struct reply *reply);
void request_vtpm_place(const struct words *words, struct reply *reply);
void request_vtpm_reset(const struct words *words, struct reply *reply);
void request_vtpm_destroy(const struct words *words, struct reply *reply);
void request_vtpm_info(const struct words *words, struct reply *reply);

/* Answers with bytes of the queue, without a status. */
void request_vtpm_queue(const struct words *words, struct reply *reply);

#endif
