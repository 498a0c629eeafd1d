/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interrupt controller of a guest with an operating system and one vCPU: a GICv3 whose CPU interface is the
 * hardware's virtual one, and whose distributor and redistributor are emulated. All interrupts have the same priority;
 * the virtual timer's is the only one that comes from hardware.
 */
#ifndef VGIC_H
#define VGIC_H

#include <stdbool.h>
#include <stdint.h>

#define VGIC_WORDS 2U /* SGIs and PPIs; SPIs 32 to 63 */
#define VGIC_DISTRIBUTOR_BYTES 0x10000U
#define VGIC_REDISTRIBUTOR_BYTES 0x20000U

struct vgic {
	unsigned int cpu; /* the CPU that runs the guest */
	bool distributing;
	uint32_t enabled[VGIC_WORDS];
	uint32_t pending[VGIC_WORDS];
};

/* Whether this CPU has what it takes. */
bool vgic_possible(void);

/* On the CPU that runs the guest: before it starts, with everything off; and when it will not run again. */
void vgic_start(struct vgic *vgic, unsigned int cpu);
void vgic_stop(const struct vgic *vgic);

/* Each time before the guest goes on: hands what is pending to the virtual CPU interface. */
void vgic_deliver(struct vgic *vgic);

/* Takes the physical interrupt that made the guest leave, if there is one; the virtual timer's becomes the guest's. */
void vgic_take_interrupt(struct vgic *vgic);

void vgic_raise(struct vgic *vgic, uint32_t intid);

/* The guest has written to ICC_SGI1R_EL1. */
void vgic_send_sgi(struct vgic *vgic, uint64_t value);

/* The guest's accesses to the distributor's and the redistributor's registers. */
uint64_t vgic_read_distributor(const struct vgic *vgic, uint64_t offset);
void vgic_write_distributor(struct vgic *vgic, uint64_t offset, uint32_t value);
uint64_t vgic_read_redistributor(const struct vgic *vgic, uint64_t offset);
void vgic_write_redistributor(struct vgic *vgic, uint64_t offset, uint32_t value);

#endif
