/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What programs ask the monitor for: one function per request. docs/monitor.md lists arguments and answers.
 */
#ifndef COMMANDS_MACHINE_H
#define COMMANDS_MACHINE_H

#include "command.h"

struct vm;

void request_run(const struct words *words, struct reply *reply);
void request_start(const struct words *words, struct reply *reply);
void request_wait(const struct words *words, struct reply *reply);

void request_create(const struct words *words, struct reply *reply);
void request_destroy(const struct words *words, struct reply *reply);
void request_map(const struct words *words, struct reply *reply);
void request_unmap(const struct words *words, struct reply *reply);
void request_trap(const struct words *words, struct reply *reply);
void request_cacheable(const struct words *words, struct reply *reply);
void request_counters(const struct words *words, struct reply *reply);
void request_classes(const struct words *words, struct reply *reply);

void request_online(const struct words *words, struct reply *reply);
void request_off(const struct words *words, struct reply *reply);
void request_on(const struct words *words, struct reply *reply);

void request_boot(const struct words *words, struct reply *reply);
void request_listen(const struct words *words, struct reply *reply);
void request_type(const struct words *words, struct reply *reply);
void request_stop(const struct words *words, struct reply *reply);

/* Returns the VM that word 1 names, or NULL after it has written an error reply. */
struct vm *vm_named(const struct words *words, struct reply *reply);

#endif
