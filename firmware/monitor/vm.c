/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual machines: their RAM, their stage-2 tables and VMIDs, and what a CPU needs to run one. Only CPU 0 creates,
 * maps and destroys, so none of this has a lock; the CPUs that run vCPUs only read it, and count.
 */
#include "vm.h"

#include "cache.h"
#include "linux_guest.h"
#include "memory.h"
#include "platform.h"
#include "pool.h"
#include "sysreg.h"

#define RAM_UNITS ((PLAT_VM_RAM_END - PLAT_VM_RAM_BASE) / GUEST_RAM_UNIT)

/* Stage-2 page attributes, Arm ARM D8.5: MemAttr 0b1111 normal write-back, 0b0001 device nGnRE; S2AP read, write. */
#define S2_NORMAL (0xFULL << 2)
#define S2_DEVICE (0x1ULL << 2)
#define S2_READ (1ULL << 6)
#define S2_WRITE (1ULL << 7)

/* VTCR_EL2, Arm ARM D19.2.160: T0SZ 25, start at level 1, write-back, inner shareable, 4 KiB granule. */
#define VTCR (1ULL << 31 | 3ULL << 12 | 1ULL << 10 | 1ULL << 8 | 1ULL << 6 | 25ULL)
#define VTCR_VMID_16_BITS (1ULL << 19)
#define VTCR_PS_SHIFT 16U
#define PARANGE_48_BITS 5ULL /* ID_AA64MMFR0_EL1.PARange; larger values need FEAT_LPA */
#define MMFR1_VMID_SHIFT 4U  /* ID_AA64MMFR1_EL1.VMIDBits */
#define MMFR1_VMID_16_BITS 2U
#define SHORT_VMIDS 255U /* 8 bits, without 0 */

#define VTTBR_VMID_SHIFT 48U

/*
 * HCR_EL2, Arm ARM D19.2.48: VM turns stage 2 on; AMO, IMO and FMO take SErrors and interrupts to EL2. FB and BSU make
 * a guest's TLB, cache and barrier instructions reach all CPUs: its vCPU may run on another one the next time. APK and
 * API leave pointer authentication to the guest.
 */
#define HCR_VM (1ULL << 0)
#define HCR_INTERRUPTS (1ULL << 5 | 1ULL << 4 | 1ULL << 3)
#define HCR_BROADCAST (1ULL << 9 | 1ULL << 10)
#define HCR_DC (1ULL << 12) /* stage 1 is off, memory is cacheable, and VM counts as 1 */
#define HCR_TSC (1ULL << 19)
#define HCR_EL1_IS_AARCH64 (1ULL << 31)
#define HCR_NO_POINTER_AUTH_TRAP (1ULL << 40 | 1ULL << 41)
#define HCR_MONITOR (HCR_INTERRUPTS | HCR_EL1_IS_AARCH64)
#define HCR_GUEST (HCR_MONITOR | HCR_VM | HCR_BROADCAST | HCR_NO_POINTER_AUTH_TRAP)

static struct vm vms[VM_MAX];
static bool unit_used[RAM_UNITS];

/* vectors.S */
extern const uint8_t guest_image[];
extern const uint64_t guest_image_bytes;

static bool has_long_vmids(void)
{
	return ((READ_SYSREG(id_aa64mmfr1_el1) >> MMFR1_VMID_SHIFT) & 0xFU) == MMFR1_VMID_16_BITS;
}

/* The output size is the CPU's, at most the 48 bits that our descriptors hold. */
static uint64_t vtcr(void)
{
	uint64_t range = READ_SYSREG(id_aa64mmfr0_el1) & 0xFU;

	return VTCR | (range > PARANGE_48_BITS ? PARANGE_48_BITS : range) << VTCR_PS_SHIFT |
	       (has_long_vmids() ? VTCR_VMID_16_BITS : 0U);
}

static uint64_t vttbr(const struct vm *vm)
{
	return (uint64_t)vm->vmid << VTTBR_VMID_SHIFT | (uintptr_t)vm->stage2.root;
}

static uint64_t hcr(const struct vm *vm)
{
	uint64_t usual = vm->default_cacheable ? (HCR_GUEST & ~HCR_VM) | HCR_DC : HCR_GUEST;

	return usual | (vm->trap_smc ? HCR_TSC : 0U);
}

void vm_enter(const struct vm *vm)
{
	WRITE_SYSREG(vtcr_el2, vtcr());
	WRITE_SYSREG(vttbr_el2, vttbr(vm));
	WRITE_SYSREG(hcr_el2, hcr(vm));
	isb();
	if (!has_long_vmids()) { /* more VMs than VMIDs: what this CPU's TLB holds may belong to another VM */
		__asm__ volatile("tlbi vmalls12e1\n\tdsb nsh\n\tisb" ::: "memory");
	}
}

void vm_leave(void)
{
	WRITE_SYSREG(hcr_el2, HCR_MONITOR);
	isb();
}

/*
 * Invalidates all translations of the VM's VMID, on all CPUs. TLBI takes the VMID from VTTBR_EL2, so that it has to be
 * in there meanwhile; EL2 itself does not use it.
 */
static void forget_translations(const struct vm *vm)
{
	uint64_t before = READ_SYSREG(vttbr_el2);

	dsb_ish();
	WRITE_SYSREG(vttbr_el2, vttbr(vm));
	isb();
	__asm__ volatile("tlbi vmalls12e1is\n\tdsb ish\n\tisb" ::: "memory");
	WRITE_SYSREG(vttbr_el2, before);
	isb();
}

/* First fit over a few hundred units, which is quick enough for a request. */
static bool take_ram(uint64_t bytes, struct pa *ram)
{
	uint64_t units = bytes / GUEST_RAM_UNIT;
	uint64_t run = 0;

	for (uint64_t i = 0; i < RAM_UNITS; i++) {
		run = unit_used[i] ? 0U : run + 1U;
		if (run == units) {
			memset(&unit_used[i + 1U - units], true, units);
			*ram = pa_make(PLAT_VM_RAM_BASE + (i + 1U - units) * GUEST_RAM_UNIT);
			return true;
		}
	}
	return false;
}

static void give_ram(struct pa ram, uint64_t bytes)
{
	memset(&unit_used[(ram.value - PLAT_VM_RAM_BASE) / GUEST_RAM_UNIT], false, bytes / GUEST_RAM_UNIT);
}

/* code_written() cleans the data cache: guests start with theirs off and fetch the image from memory. */
void vm_load_image(const struct vm *vm)
{
	memcpy(pa_pointer(vm->ram), guest_image, guest_image_bytes);
	code_written(pa_pointer(vm->ram), guest_image_bytes);
}

static void start_vcpu(struct vm *vm, unsigned int index)
{
	struct vcpu *vcpu = &vm->vcpu[index];

	vcpu->vm = vm;
	vcpu->index = index;
	vcpu->agent = (struct agent){
		.box = pa_pointer(pa_add(vm->ram, GUEST_IMAGE_BYTES + index * GUEST_BLOCK_BYTES)),
		.vcpu = vcpu,
	};
	vcpu_reset(vcpu);
}

static struct vm *free_vm(void)
{
	for (unsigned int i = 0; i < VM_MAX; i++) {
		if (!vms[i].used) {
			return &vms[i];
		}
	}
	return NULL;
}

static void release(struct vm *vm)
{
	if (vm->stage2.root != NULL) {
		tables_release(&vm->stage2);
	}
	give_ram(vm->ram, vm->ram_bytes);
	vm->used = false;
}

/* Without VMID 0, so that a VTTBR_EL2 that nobody has set names no VM. */
static uint16_t own_vmid(const struct vm *vm)
{
	uint64_t number = vm_number(vm);

	return (uint16_t)(has_long_vmids() ? number : (number - 1U) % SHORT_VMIDS + 1U);
}

enum vm_status vm_create(uint64_t ram_bytes, unsigned int vcpus, uint16_t vmid, struct vm **created)
{
	struct vm *vm = free_vm();
	struct pa ram;

	if (ram_bytes == 0U || (ram_bytes % GUEST_RAM_UNIT) != 0U || vcpus == 0U || vcpus > GUEST_MAX_VCPUS) {
		return VM_BAD_ARGUMENT;
	}
	if (vm == NULL || !take_ram(ram_bytes, &ram)) {
		return VM_NO_SPACE;
	}
	memset(vm, 0, sizeof(*vm));
	*vm = (struct vm){.used = true, .vcpus = vcpus, .ram = ram, .ram_bytes = ram_bytes};
	vm->vmid = vmid != 0U ? vmid : own_vmid(vm);
	vm->stage2 = (struct page_tables){.source = &table_pool, .root = table_pool.take(&table_pool)};
	if (vm->stage2.root == NULL || vm_map(vm, ipa_make(GUEST_RAM_IPA), ram, ram_bytes, STAGE2_WRITABLE) != VM_OK) {
		release(vm);
		return VM_NO_SPACE;
	}
	/* The VM before may have left something there, and this guest starts with its caches off. */
	memset(pa_pointer(ram), 0, ram_bytes);
	cache_flush(pa_pointer(ram), ram_bytes);
	vm_load_image(vm);
	for (unsigned int i = 0; i < vcpus; i++) {
		start_vcpu(vm, i);
	}
	*created = vm;
	return VM_OK;
}

enum vm_status vm_destroy(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->vcpus; i++) {
		if (__atomic_load_n(&vm->vcpu[i].agent.state, __ATOMIC_ACQUIRE) == AGENT_RUNNING) {
			return VM_BUSY;
		}
	}
	linux_guest_forget(vm);
	/* Before the tables and the RAM go to somebody else. */
	forget_translations(vm);
	release(vm);
	return VM_OK;
}

static enum vm_status status_of(enum map_status status)
{
	switch (status) {
	case MAP_OK:
		return VM_OK;
	case MAP_NO_PAGE:
		return VM_NO_SPACE;
	default:
		return VM_BAD_ARGUMENT;
	}
}

enum vm_status vm_map(struct vm *vm, struct ipa ipa, struct pa pa, uint64_t bytes, uint32_t attributes)
{
	uint64_t page = (attributes & STAGE2_DEVICE) != 0U ? S2_DEVICE : S2_NORMAL | PAGE_INNER_SHAREABLE;
	enum vm_status status = vm_unmap(vm, ipa, bytes);

	if (status != VM_OK) {
		return status;
	}
	page |= S2_READ | ((attributes & STAGE2_WRITABLE) != 0U ? S2_WRITE : 0U);
	status = status_of(tables_map(&vm->stage2, ipa.value, pa.value, bytes, page));
	dsb_ish(); /* other CPUs' table walks see the entries before the caller goes on */
	return status;
}

/*
 * Also the first half of vm_map(): an entry must be invalid, and no TLB hold it, before it gets another output address
 * (break-before-make, Arm ARM D8.16.1).
 */
enum vm_status vm_unmap(struct vm *vm, struct ipa ipa, uint64_t bytes)
{
	enum vm_status status = status_of(tables_unmap(&vm->stage2, ipa.value, bytes));

	forget_translations(vm);
	return status;
}

/*
 * Plain additions: the counters are exact for VMs whose vCPUs run one at a time, as those of tests that read them do.
 */
void vm_count_trap(struct vm *vm, uint64_t class)
{
	vm->traps++;
	vm->by_class[class % ESR_CLASSES]++;
}

struct vm *vm_get(uint64_t number)
{
	return number - 1U < VM_MAX && vms[number - 1U].used ? &vms[number - 1U] : NULL;
}

uint64_t vm_number(const struct vm *vm)
{
	return (uint64_t)(vm - vms) + 1U;
}
