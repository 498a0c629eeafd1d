/* SPDX-License-Identifier: BSD-3-Clause */
/* Which guest a doorbell is taken from. */
#include "calls.h"
#include "promise.h"

#define BASE_A 0x44000000
#define BASE_B 0x45000000
#define ANY_COMMAND 0x17b

PROMISE(a_guest_rings_only_what_is_bound_to_its_identity)
{
	struct instance mine, other;
	const struct vtpm_caller me = guest_of(5, BASE_A);
	const struct vtpm_caller wrong_base = guest_of(5, BASE_B);
	const struct vtpm_caller wrong_vmid = guest_of(6, BASE_A);

	CHECK_EQUAL(create(1, 0, 1, 0, &mine), VTPM_OK);
	CHECK_EQUAL(create(2, 0, 1, 0, &other), VTPM_OK);
	CHECK_EQUAL(ring(&me, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(bind(&mine, 5, BASE_A, 1, 0), VTPM_OK);
	CHECK_EQUAL(bind(&other, 6, BASE_B, 1, 0), VTPM_OK);
	CHECK_EQUAL(ring(&me, 0), VTPM_OK);
	CHECK_EQUAL(ring(&me, 1), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(ring(&wrong_base, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(ring(&wrong_vmid, 0), VTPM_E_NOT_PERMITTED);
}

PROMISE(a_recycled_identity_rings_nothing_until_it_is_bound_again)
{
	struct instance first, second;
	const struct vtpm_caller guest = guest_of(5, BASE_A);

	CHECK_EQUAL(create(1, 0, 1, 0, &first), VTPM_OK);
	CHECK_EQUAL(bind(&first, 5, BASE_A, 1, 0), VTPM_OK);
	CHECK_EQUAL(destroy(&first), VTPM_OK);
	CHECK_EQUAL(ring(&guest, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(create(2, 0, 1, 0, &second), VTPM_OK);
	CHECK_EQUAL(ring(&guest, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(bind(&second, 5, BASE_A, 2, 0), VTPM_OK);
	CHECK_EQUAL(ring(&guest, 0), VTPM_OK);
}

PROMISE(only_a_later_epoch_takes_an_identity_from_another_vm)
{
	struct instance first, sister, second;
	const struct vtpm_caller guest = guest_of(5, BASE_A);

	CHECK_EQUAL(create(1, 0, 1, 0, &first), VTPM_OK);
	CHECK_EQUAL(create(1, 0, 1, 1, &sister), VTPM_OK);
	CHECK_EQUAL(create(2, 0, 1, 0, &second), VTPM_OK);
	CHECK_EQUAL(bind(&first, 5, BASE_A, 7, 0), VTPM_OK);
	CHECK_EQUAL(bind(&sister, 5, BASE_A, 7, 0), VTPM_OK);
	CHECK_EQUAL(bind(&second, 5, BASE_A, 7, 0), VTPM_E_STALE_EPOCH);
	CHECK_EQUAL(info(&first, VTPM_INFO_STATE, 1), VTPM_STATE_BOUND);
	CHECK_EQUAL(bind(&second, 5, BASE_A, 8, 0), VTPM_OK);
	CHECK_EQUAL(info(&first, VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
	CHECK_EQUAL(info(&sister, VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
	CHECK_EQUAL(ring(&guest, 0), VTPM_OK);
	CHECK_EQUAL(ring(&guest, 1), VTPM_E_NOT_PERMITTED);
}

/* KVM gives a VMID to another VM while its former owner lives on, with other tables. */
PROMISE(a_recycled_vmid_takes_no_identity_from_a_vm_with_other_tables)
{
	struct instance first, second;
	const struct vtpm_caller one = guest_of(5, BASE_A);
	const struct vtpm_caller other = guest_of(5, BASE_B);

	CHECK_EQUAL(create(1, 0, 1, 0, &first), VTPM_OK);
	CHECK_EQUAL(create(2, 0, 1, 0, &second), VTPM_OK);
	CHECK_EQUAL(bind(&first, 5, BASE_A, 1, 0), VTPM_OK);
	CHECK_EQUAL(bind(&second, 5, BASE_B, 2, 0), VTPM_OK);
	CHECK_EQUAL(info(&first, VTPM_INFO_STATE, 1), VTPM_STATE_BOUND);
	CHECK_EQUAL(ring(&one, 0), VTPM_OK);
	CHECK_EQUAL(ring(&other, 0), VTPM_OK);
}

PROMISE(malformed_bindings_are_refused_by_name)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 0x10000, BASE_A, 1, 0), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 0, 0), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(bind(&instance, 5, 0, 1, 0), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, BASE_A + 8, 1, 0), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, UINT64_C(1) << 48, 1, 0), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 1, 0x123), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 1, (UINT64_C(1) << 48) - VTPM_PAGE_BYTES), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 1, UINT64_MAX - 4095), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
}

/* Neither the identity nor the queue's addresses, which a guest's driver may have read long ago. */
static void check_that_nothing_moved(const struct instance *instance, const struct vtpm_caller *guest)
{
	CHECK_EQUAL(info(instance, VTPM_INFO_STATE, 1), VTPM_STATE_BOUND);
	CHECK_EQUAL(control_read(instance, VTPM_CRB_CMD_LADDR), 0x80000000 + VTPM_PAGE_BYTES);
	CHECK_EQUAL(control_read(instance, VTPM_CRB_CMD_HADDR), 0);
	CHECK_EQUAL(control_read(instance, VTPM_CRB_RSP_ADDR), 0x80000000 + VTPM_PAGE_BYTES);
	CHECK_EQUAL(ring(guest, 0), VTPM_OK);
}

PROMISE(a_refused_binding_changes_nothing)
{
	static const struct {
		uint64_t vmid, base, epoch, ipa;
		int64_t status;
	} refused[] = {
		{6, BASE_B, 7, 0x90000000, VTPM_E_STALE_EPOCH},
		{0x10000, BASE_A, 9, 0x90000000, VTPM_E_BAD_REQUIREMENT},
		{5, BASE_A, 0, 0x90000000, VTPM_E_BAD_REQUIREMENT},
		{5, BASE_A + 8, 9, 0x90000000, VTPM_E_BAD_ADDRESS},
		{5, BASE_A, 9, 0x90000123, VTPM_E_BAD_ADDRESS},
	};
	const struct vtpm_caller guest = guest_of(5, BASE_A);
	struct instance instance, owner;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(create(2, 0, 1, 0, &owner), VTPM_OK);
	CHECK_EQUAL(bind(&owner, 6, BASE_B, 7, 0), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 1, 0x80000000), VTPM_OK);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		CHECK_EQUAL(bind(&instance, refused[i].vmid, refused[i].base, refused[i].epoch, refused[i].ipa),
			    refused[i].status);
		check_that_nothing_moved(&instance, &guest);
	}
}

PROMISE(without_an_identity_bind_only_says_where_the_queue_is)
{
	struct instance instance;
	const struct vtpm_caller nobody = guest_of(0, 0);
	const struct vtpm_caller guest = guest_of(5, BASE_A);

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 0, 0, 0, 0x80000000), VTPM_OK);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CMD_LADDR), 0x80000000 + VTPM_PAGE_BYTES);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
	CHECK_EQUAL(ring(&nobody, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(bind(&instance, 0, 0, 0, 0x123), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 1, 0x80000000), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 0, 0, 0, 0x90000000), VTPM_OK);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CMD_LADDR), 0x90000000 + VTPM_PAGE_BYTES);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 1), VTPM_STATE_BOUND);
	CHECK_EQUAL(ring(&guest, 0), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 5, 0, 0, 0), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(bind(&instance, 0, BASE_A, 0, 0), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(bind(&instance, 0, 0, 1, 0), VTPM_E_BAD_ADDRESS);
}
