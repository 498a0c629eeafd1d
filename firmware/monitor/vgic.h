/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interrupt controller of a guest with an operating system and one vCPU: the CPU interface is the hardware's
 * virtual one, all else is emulated. All interrupts have the same priority; the virtual timer's is the only one that
 * comes from hardware. vgicv2.c and vgicv3.c have what differs; the platform has one of them.
 */
#ifndef VGIC_H
#define VGIC_H

#include <stdbool.h>
#include <stdint.h>

#include "vm.h"

#define VGIC_WORDS 2U /* SGIs and PPIs; SPIs 32 to 63 */

struct vgic {
	unsigned int cpu; /* the CPU that runs the guest */
	bool distributing;
	uint32_t enabled[VGIC_WORDS];
	uint32_t pending[VGIC_WORDS];
};

/* Whether this CPU has what it takes. */
bool vgic_possible(void);

/* Maps the pages by which the guest reaches its CPU interface, if there are any. */
enum vm_status vgic_map(struct vm *vm);

/* On the CPU that runs the guest: before it starts, with everything off; and when it will not run again. */
void vgic_start(struct vgic *vgic, unsigned int cpu);
void vgic_stop(const struct vgic *vgic);

/* Each time before the guest goes on: hands what is pending to the virtual CPU interface. */
void vgic_deliver(struct vgic *vgic);

/* Takes the physical interrupt that made the guest leave, if there is one; the virtual timer's becomes the guest's. */
void vgic_take_interrupt(struct vgic *vgic);

void vgic_raise(struct vgic *vgic, uint32_t intid);

/* The guest has written to ICC_SGI1R_EL1; not with a GICv2. */
void vgic_send_sgi(struct vgic *vgic, uint64_t value);

/* The guest's accesses to registers. False: there are none at this address. */
bool vgic_read(const struct vgic *vgic, uint64_t ipa, uint64_t *value);
bool vgic_write(struct vgic *vgic, uint64_t ipa, uint32_t value);

/* What follows is between vgic.c and the hardware's part. */

#define INTID_VIRTUAL_TIMER 27U /* Arm BSA */
#define INTID_MAINTENANCE 25U
#define VGIC_PRIORITY 0xA0ULL

/* Registers with a bit for each interrupt, from ISENABLER to ICPENDR, by their offset in a distributor. */
uint32_t vgic_read_bitmap(const struct vgic *vgic, uint64_t offset);
void vgic_write_bitmap(struct vgic *vgic, uint64_t offset, uint32_t value);

/* The virtual CPU interface, off and empty or on; and the physical one, which either deactivates as it ends or not. */
void interface_clear(void);
void interface_set(bool maintenance_when_low);
void interface_split_end(bool split);
void interface_deactivate(uint32_t taken);

/* List registers: how many; which are empty, a bit for each; which interrupt one holds. */
unsigned int list_count(void);
uint64_t list_empty(void);
uint32_t list_intid(unsigned int number);

/* Makes one hold a pending interrupt, whose deactivation is the physical one's, too, if it is the timer's. */
void list_fill(unsigned int number, uint32_t intid);

/* Makes what one holds pending (again). */
void list_pend(unsigned int number);

#endif
