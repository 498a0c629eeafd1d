"""Python's view of the ABI is the header's."""

from __future__ import annotations

import pytest

from hil.errors import FirmwareError
from hil.target.vtpm import Reply, ServiceError, Status, abi, document


def test_every_error_code_of_the_header_has_a_name_and_none_is_invented() -> None:
    codes = {name.removeprefix("VTPM_E_") for name in abi.CONSTANTS if name.startswith("VTPM_E_")}
    assert {status.name for status in Status} == codes | {"OK"}


def test_every_error_code_of_our_own_says_what_it_means() -> None:
    assert [status.name for status in Status if not status.meaning] == ["OK", "NOT_SUPPORTED"]


def test_a_constant_that_the_header_lacks_is_an_error_that_names_the_header() -> None:
    with pytest.raises(AttributeError, match=r"vtpm_abi\.h defines no VTPM_FID_CRATE"):
        _ = abi.VTPM_FID_CRATE


@pytest.mark.parametrize(
    ("fid", "name"),
    [
        (abi.VTPM_FID_CREATE, "CREATE"),
        (abi.VTPM_FID_DOORBELL, "DOORBELL 0"),
        (abi.doorbell(abi.VTPM_MAX_INDEX), "DOORBELL 15"),
        (abi.VTPM_FID_QUEUE_CHECK, "QUEUE_CHECK"),
        (0xC300_1234, "0xc3001234"),
    ],
)
def test_calls_are_named_in_messages(fid: int, name: str) -> None:
    assert abi.call_name(fid) == name


@pytest.mark.parametrize("index", [-1, 16])
def test_there_is_no_doorbell_outside_the_range(index: int) -> None:
    with pytest.raises(ValueError, match="0 to 15"):
        abi.doorbell(index)


def registers(x0: int) -> tuple[int, ...]:
    return (x0 & (1 << 64) - 1, *range(1, 18))


def test_a_refusal_names_call_code_and_meaning_and_is_a_finding() -> None:
    reply = Reply.from_registers(abi.VTPM_FID_CREATE, registers(abi.VTPM_E_NO_SPACE))
    with pytest.raises(ServiceError, match=r"CREATE answered NO_SPACE \(-21\): the secure pool") as refusal:
        reply.require()
    assert refusal.value.status is Status.NO_SPACE
    assert isinstance(refusal.value, FirmwareError)


def test_a_code_outside_the_abi_is_reported_as_such() -> None:
    with pytest.raises(ServiceError, match="answered -99, a code that the ABI does not define"):
        Reply.from_registers(abi.VTPM_FID_CREATE, registers(-99)).require()


def test_a_success_hands_over_x1_to_x7() -> None:
    assert Reply.from_registers(abi.VTPM_FID_CREATE, registers(0)).require() == (1, 2, 3, 4, 5, 6, 7)


def test_docs_abi_is_what_the_header_says() -> None:
    current = document.render(abi.HEADER.read_text(encoding="utf-8"))
    assert document.PAGE.read_text(encoding="utf-8") == current, "run: python -m hil.target.vtpm.document"


def test_every_constant_is_documented() -> None:
    page = document.PAGE.read_text(encoding="utf-8")
    assert [name for name in abi.CONSTANTS if f"| `{name}` |" not in page] == []
