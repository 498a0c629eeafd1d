/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interrupt controller of a guest with an operating system and one vCPU. Its CPU interface is the hardware's
 * virtual one; distributor and redistributor are emulated. All interrupts have the same priority. vgic.c has what GICv2
 * and GICv3 share, vgicv2.c and vgicv3.c what differs; a platform has one of the two.
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

/* Whether this CPU can present virtual interrupts. */
bool vgic_possible(void);

/* Maps the registers of the guest's CPU interface into the VM, if it is in memory (GICv2). */
enum vm_status vgic_map(struct vm *vm);

/* On the CPU that runs the guest: resets it before the guest starts, and leaves nothing behind when it has ended. */
void vgic_start(struct vgic *vgic, unsigned int cpu);
void vgic_stop(const struct vgic *vgic);

/* Before each entry of the guest: moves what is pending and enabled to the virtual CPU interface. */
void vgic_deliver(struct vgic *vgic);

/* Takes the physical interrupt that made the guest leave, if there is one. The virtual timer's becomes the guest's. */
void vgic_take_interrupt(struct vgic *vgic);

/* Makes an interrupt pending; the guest gets it with the next vgic_deliver() if it is enabled. */
void vgic_raise(struct vgic *vgic, uint32_t intid);

/* The guest has written to ICC_SGI1R_EL1. Never with a GICv2, which has a register in memory for that. */
void vgic_send_sgi(struct vgic *vgic, uint64_t value);

/* The guest's accesses to emulated registers. Both return false if the address is not one of theirs. */
bool vgic_read(const struct vgic *vgic, uint64_t ipa, uint64_t *value);
bool vgic_write(struct vgic *vgic, uint64_t ipa, uint32_t value);

/* The rest is between vgic.c and vgicv2.c or vgicv3.c. */

#define INTID_VIRTUAL_TIMER 27U /* Arm BSA (DEN0094), PPI assignments; so is the next one */
#define INTID_MAINTENANCE 25U
#define VGIC_PRIORITY 0xA0ULL /* what Linux gives every interrupt (GICD_INT_DEF_PRI) */

/* Registers with a bit for each interrupt, ISENABLER to ICPENDR, by their offset in a distributor. Others read as 0. */
uint32_t vgic_read_bitmap(const struct vgic *vgic, uint64_t offset);
void vgic_write_bitmap(struct vgic *vgic, uint64_t offset, uint32_t value);

/*
 * The virtual CPU interface: switched off and emptied, or on, with or without a maintenance interrupt when its list
 * registers run low. The physical one: whether the end of an interrupt leaves it active (see vgic.c), and the
 * deactivation.
 */
void interface_clear(void);
void interface_set(bool maintenance_when_low);
void interface_split_end(bool split);
void interface_deactivate(uint32_t taken);

/* List registers: how many there are; which are empty, a bit for each; which interrupt one holds. */
unsigned int list_count(void);
uint64_t list_empty(void);
uint32_t list_intid(unsigned int number);

/* Makes one hold a pending interrupt. For the timer, the guest's deactivation is the physical interrupt's, too. */
void list_fill(unsigned int number, uint32_t intid);

/* Makes the interrupt in one pending again; if it is active, it stays so. */
void list_pend(unsigned int number);

#endif
