/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core's port to BL31: secure memory and queues, address translation, time. BL31 maps the secure pool and the queue
 * pool at their physical addresses.
 */
#include <string.h>

#include <arch_helpers.h>
#include <context.h>
#include <lib/el3_runtime/context_mgmt.h>
#include <lib/utils.h>

#include "glue.h"
#include "vtpm_platform.h"
#include "vtpm_port.h"

/* Arm DDI 0487, ISR_EL1: I and F. */
#define ISR_IRQ (UINT64_C(1) << 7)
#define ISR_FIQ (UINT64_C(1) << 6)

/* Arm DDI 0487, PAR_EL1: on success the address's page in bits 47:12. */
#define PAR_PAGE_MASK (((UINT64_C(1) << ADDRESS_BITS) - 1) & ~(uint64_t)(PAGE_BYTES - 1))

void *port_secure(struct pa pa)
{
	return pa_pointer(pa);
}

const void *port_engine_memory(struct va va)
{
	return va_pointer(va);
}

uint32_t port_queue_read32(struct pa pa)
{
	return *(const volatile uint32_t *)pa_pointer(pa);
}

void port_queue_write32(struct pa pa, uint32_t value)
{
	*(volatile uint32_t *)pa_pointer(pa) = value;
}

/* Not memcpy: each byte must be read once, and BL31's goes byte by byte, which is slow on uncached memory. */
void port_queue_copy_in(void *to, struct pa from, size_t bytes)
{
	const volatile uint64_t *words = pa_pointer(from);
	uint64_t *out = to;
	size_t whole = bytes / sizeof(uint64_t);
	const volatile uint8_t *rest = (const volatile uint8_t *)&words[whole];
	uint8_t *out_rest = (uint8_t *)&out[whole];

	for (size_t word = 0; word < whole; word++) {
		out[word] = words[word];
	}
	for (size_t byte = 0; byte < bytes % sizeof(uint64_t); byte++) {
		out_rest[byte] = rest[byte];
	}
}

/* Words only if the source allows it; queue memory is aligned by the contract of the port. */
void port_queue_copy_out(struct pa to, const void *from, size_t bytes)
{
	volatile uint8_t *out = pa_pointer(to);
	const uint8_t *in = from;
	size_t byte = 0;

	if ((uintptr_t)in % sizeof(uint64_t) == 0) {
		for (; byte + sizeof(uint64_t) <= bytes; byte += sizeof(uint64_t)) {
			*(volatile uint64_t *)&out[byte] = *(const uint64_t *)&in[byte];
		}
	}
	for (; byte < bytes; byte++) {
		out[byte] = in[byte];
	}
}

/*
 * Whoever used these pages before may have done so through a cache. Its dirty lines are written back first; otherwise
 * that would happen later, over the zeros and over what the next owner writes (Arm DDI 0487, B2.16: mismatched memory
 * attributes). In between, a processor may have read the old content into a cache again, through somebody's cacheable
 * mapping; these lines, which are clean, are forgotten after the zeros, or the next owner could read them.
 */
void port_queue_zero(struct pa pa, size_t bytes)
{
	volatile uint64_t *words = pa_pointer(pa);

	flush_dcache_range(pa.value, bytes);
	for (size_t word = 0; word < bytes / sizeof(uint64_t); word++) {
		words[word] = 0;
	}
	dsbsy();
	inv_dcache_range(pa.value, bytes);
}

void port_queue_barrier(void)
{
	dmbsy();
}

/* Word by word where it can, because BL31's memcpy goes byte by byte. */
void port_copy(void *to, const void *from, size_t bytes)
{
	uint64_t *out = to;
	const uint64_t *in = from;
	size_t words = (((uintptr_t)to | (uintptr_t)from) % sizeof(uint64_t)) == 0 ? bytes / sizeof(uint64_t) : 0;

	for (size_t word = 0; word < words; word++) {
		out[word] = in[word];
	}
	memcpy(&out[words], &in[words], bytes - words * sizeof(uint64_t));
}

void port_zero_pages(void *memory, size_t bytes)
{
	zero_normalmem(memory, bytes);
}

#if ERRATA_SPECULATIVE_AT
/*
 * On processors that may walk tables speculatively for AT, BL31 forbids all walks of stage 1 while it runs, because it
 * may be in the middle of changing from the registers of one world to those of the other. In the middle of a call it is
 * not: the caller's registers are in place, and together with the two that BL31 changed they are complete again.
 */
static void allow_walks(void)
{
	const errata_speculative_at_t *caller = get_errata_speculative_at_ctx(cm_get_context(NON_SECURE));

	write_sctlr_el1(read_ctx_reg(caller, CTX_ERRATA_SPEC_AT_SCTLR_EL1));
	isb();
	write_tcr_el1(read_ctx_reg(caller, CTX_ERRATA_SPEC_AT_TCR_EL1));
	isb();
}

static void forbid_walks(void)
{
	write_tcr_el1(read_tcr_el1() | TCR_EPD0_BIT | TCR_EPD1_BIT);
	isb();
	write_sctlr_el1(read_sctlr_el1() | SCTLR_M_BIT);
	isb();
}
#else
static void allow_walks(void)
{
}

static void forbid_walks(void)
{
}
#endif

bool port_translate(struct va va, bool write, struct pa *out)
{
	uint64_t kept = read_par_el1(); /* it is the caller's, and the result would tell it a physical address */
	uint64_t par;

	allow_walks();
	par = translate_el1(va.value, write);
	forbid_walks();
	write_par_el1(kept);
	*out = pa_make(par & PAR_PAGE_MASK);
	return (par & PAR_F_BIT) == 0;
}

/* Arm DDI 0487, ISR_EL1: at EL3 it shows physical interrupts, whatever PSTATE masks. SError is none of the caller's. */
bool port_interrupt_pending(void)
{
	return (read_isr_el1() & (ISR_IRQ | ISR_FIQ)) != 0;
}

/* YIELD is a hint (Arm DDI 0487, C6.2). An emulator takes it as leave to run another CPU. */
void port_relax(void)
{
	__asm__ volatile("yield");
}

uint64_t port_ticks(void)
{
	return read_cntpct_el0();
}

void port_report_failure(uint64_t vm_id, unsigned int index, const char *what)
{
	printf("vTPM: instance %u of VM 0x%llx %s\n", index, (unsigned long long)vm_id, what);
}
