/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The part of a guest's interrupt controller that GICv2 and GICv3 have in common: which interrupts are pending and
 * enabled, and how pending ones get into the list registers, from which the hardware presents them to the guest.
 *
 * The guest's virtual timer is the one interrupt that comes from hardware. It is level-sensitive, and its level falls
 * only when the guest serves the timer, so it must not be taken again before. The monitor therefore separates the two
 * halves of the end of an interrupt (EOImode 1): it drops the priority, and the interrupt stays active until the guest
 * deactivates its virtual counterpart, which the hardware passes on (the HW bit of the list register). All other
 * interrupts are the monitor's own, and it deactivates them at once.
 */
#include "vgic.h"

#include "gic.h"
#include "sysreg.h"

/* Offsets that GICv2 (Arm IHI 0048) and GICv3 (Arm IHI 0069) share: distributor, and SGI frame of a redistributor. */
#define GIC_ISENABLER 0x0100U
#define GIC_ICENABLER 0x0180U
#define GIC_ISPENDR 0x0200U
#define GIC_ICPENDR 0x0280U
#define BITMAP_BYTES 0x80U /* from one of these to the next */
#define INTIDS_PER_WORD 32U

void vgic_start(struct vgic *vgic, unsigned int cpu)
{
	*vgic = (struct vgic){.cpu = cpu};
	interface_clear();
	interface_split_end(true);
	gic_enable_private(cpu, INTID_VIRTUAL_TIMER);
	gic_enable_private(cpu, INTID_MAINTENANCE);
}

void vgic_stop(const struct vgic *vgic)
{
	WRITE_SYSREG(cntv_ctl_el0, 0U); /* else it would be pending for the next guest on this CPU */
	gic_disable_private(vgic->cpu, INTID_VIRTUAL_TIMER);
	gic_disable_private(vgic->cpu, INTID_MAINTENANCE);
	interface_deactivate(INTID_VIRTUAL_TIMER); /* the guest may have ended in the middle of serving it */
	interface_split_end(false);
	interface_clear();
}

void vgic_raise(struct vgic *vgic, uint32_t intid)
{
	vgic->pending[intid / INTIDS_PER_WORD] |= 1U << (intid % INTIDS_PER_WORD);
}

void vgic_take_interrupt(struct vgic *vgic)
{
	uint32_t taken;

	if (!gic_acknowledge(&taken)) {
		return;
	}
	gic_end(taken);
	if ((taken & GIC_INTID_MASK) == INTID_VIRTUAL_TIMER) {
		vgic_raise(vgic, INTID_VIRTUAL_TIMER);
	} else {
		interface_deactivate(taken);
	}
}

/*
 * Puts an interrupt into a list register; returns false when all are in use. An interrupt must not be in two of them
 * (Arm IHI 0048 and 0069: unpredictable), so one that the guest is still handling becomes pending again in its place.
 */
static bool present(uint32_t intid)
{
	uint64_t empty = list_empty();
	unsigned int count = list_count();
	unsigned int free = count;

	for (unsigned int i = 0; i < count; i++) {
		if ((empty & 1ULL << i) != 0U) {
			free = i;
		} else if (list_intid(i) == intid) {
			list_pend(i);
			return true;
		}
	}
	if (free == count) {
		return false;
	}
	list_fill(free, intid);
	return true;
}

void vgic_deliver(struct vgic *vgic)
{
	bool left_over = false;

	for (uint32_t word = 0; vgic->distributing && word < VGIC_WORDS; word++) {
		uint32_t ready = vgic->pending[word] & vgic->enabled[word];

		for (; ready != 0U; ready &= ready - 1U) {
			uint32_t bit = (uint32_t)__builtin_ctz(ready);

			if (present(word * INTIDS_PER_WORD + bit)) {
				vgic->pending[word] &= ~(1U << bit);
			} else {
				left_over = true;
			}
		}
	}
	interface_set(left_over); /* the maintenance interrupt brings the guest back here when registers are free */
}

uint32_t vgic_read_bitmap(const struct vgic *vgic, uint64_t offset)
{
	uint64_t word = offset % BITMAP_BYTES / sizeof(uint32_t);

	if (word >= VGIC_WORDS) {
		return 0;
	}
	switch (offset - offset % BITMAP_BYTES) {
	case GIC_ISENABLER:
	case GIC_ICENABLER:
		return vgic->enabled[word];
	case GIC_ISPENDR:
	case GIC_ICPENDR:
		return vgic->pending[word];
	default:
		return 0;
	}
}

void vgic_write_bitmap(struct vgic *vgic, uint64_t offset, uint32_t value)
{
	uint64_t word = offset % BITMAP_BYTES / sizeof(uint32_t);

	if (word >= VGIC_WORDS) {
		return;
	}
	switch (offset - offset % BITMAP_BYTES) {
	case GIC_ISENABLER:
		vgic->enabled[word] |= value;
		break;
	case GIC_ICENABLER:
		vgic->enabled[word] &= ~value;
		break;
	case GIC_ISPENDR:
		vgic->pending[word] |= value;
		break;
	case GIC_ICPENDR:
		vgic->pending[word] &= ~value;
		break;
	default:
		break;
	}
}
