"""A name that nobody knows is answered with the nearest one, and never with hundreds."""

from __future__ import annotations

from hil.spelling import NAMED, misspelt, nearest

FEW = ["juno", "qemu-virt", "rpi4"]
MANY = [f"name{number}" for number in range(NAMED + 1)]


def test_the_nearest_name_is_offered() -> None:
    assert nearest("qemu-vrt", FEW) == "; did you mean `qemu-virt`?"
    assert nearest("nmae7", MANY) == "; did you mean `name7`?"


def test_without_a_near_one_a_few_names_are_all_listed_and_many_are_counted() -> None:
    assert nearest("zzz", FEW) == "; known are juno, qemu-virt, rpi4"
    assert nearest("zzz", MANY) == f"; none of the {NAMED + 1} known names is like it"
    assert not nearest("zzz", [])


def test_a_new_name_is_not_taken_for_a_mistake() -> None:
    assert misspelt("qemu-vrt", FEW) == "qemu-virt"
    assert not misspelt("juno", FEW)
    assert not misspelt("zzz", FEW)
