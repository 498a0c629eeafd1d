"""What connects boards to this machine is found in sysfs, and who may not use it is told why."""

from __future__ import annotations

import grp
import os
from typing import TYPE_CHECKING

import pytest

from hil.operations.doctor import check as check_module
from hil.operations.doctor.check import checks
from hil.operations.doctor.devices import RULES, PluggedDevice, denied, plugged_in
from hil.paths import shipped
from tests.operations.doctor.test_check import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, Path]:
    """Directories as /sys and /dev: a serial adapter, an SD mux with a card, and a stick that is none of ours."""
    system, devices = tmp_path / "sys", tmp_path / "dev"
    devices.mkdir()
    plug(system, devices, "usb1/1-1", ("0403", "6001"), tty=["ttyUSB0"])
    plug(system, devices, "usb1/1-2", ("0424", "4041"), scsi_generic=["sg1"], block=["sdb"])
    plug(system, devices, "usb1/1-3", ("0781", "5567"), scsi_generic=["sg2"], block=["sdc"])
    return system, devices


def plug(system: Path, devices: Path, port: str, usb_id: tuple[str, str], **functions: list[str]) -> None:
    usb = system / "devices" / port
    for subsystem, names in functions.items():
        for name in names:
            directory = usb / "interface" / subsystem / name
            directory.mkdir(parents=True)
            (system / "class" / subsystem).mkdir(parents=True, exist_ok=True)
            (system / "class" / subsystem / name).symlink_to(directory)
            (devices / name).touch(0o600)
    for file, value in zip(("idVendor", "idProduct"), usb_id, strict=True):
        (usb / file).write_text(value + "\n")


def test_serial_adapters_and_sd_muxes_are_found_and_other_disks_are_not(machine: tuple[Path, Path]) -> None:
    system, devices = machine
    assert plugged_in(system, devices) == [
        PluggedDevice(devices / "ttyUSB0", "a serial adapter"),
        PluggedDevice(devices / "sg1", "an SD mux"),
        PluggedDevice(devices / "sdb", "the card in an SD mux"),
    ]


@pytest.mark.parametrize(
    ("mode", "member", "why"),
    [
        (0o660, False, "it takes the group {group}"),
        (0o660, True, "you have joined the group {group}: log in again"),
        (0o600, True, "its group {group} may not use it either"),
    ],
)
def test_a_device_that_may_not_be_used_is_named_with_its_group(
    machine: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, mode: int, member: bool, why: str
) -> None:
    system, devices = machine
    (devices / "ttyUSB0").chmod(mode)
    monkeypatch.setattr(os, "access", lambda path, _mode: path.name != "ttyUSB0")  # these tests may be root's
    monkeypatch.setattr("hil.operations.doctor.devices._is_member", lambda _group: member)
    group = grp.getgrgid((devices / "ttyUSB0").stat().st_gid).gr_name
    told = f"{devices / 'ttyUSB0'} (a serial adapter): {why.format(group=group)}"
    assert denied(plugged_in(system, devices)) == [told]


def test_doctor_names_it_and_is_content_with_everything_else(
    machine: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_module, "plugged_in", lambda: plugged_in(*machine))
    monkeypatch.setattr("hil.operations.doctor.devices.os.access", lambda *_: False)
    monkeypatch.setattr("shutil.which", lambda name: None if name == "usbsdmux" else f"/usr/bin/{name}")
    devices, mux = checks()[-2:]
    assert (devices.ok, devices.optional, mux.ok, mux.optional) == (False, True, False, True)
    assert devices.found.startswith("no access to ")
    assert "dialout,plugdev" in devices.remedy
    assert str(shipped(RULES)) in devices.remedy
    assert "pip install usbsdmux" in mux.remedy


def test_what_only_boards_need_does_not_fail_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    found = check_module.Check("devices", False, "no access to /dev/ttyUSB0", "access", "usermod", optional=True)
    monkeypatch.setattr(check_module, "checks", lambda _: [found])
    code, said = run()
    assert code == 0
    assert "boards" in said
    assert "usermod" in said


def test_the_rules_are_shipped_with_each_kind_of_device() -> None:
    rules = [line for line in shipped(RULES).read_text().splitlines() if line and not line.startswith("#")]
    text = "\n".join(rules)
    assert "ttyUSB[0-9]*|ttyACM[0-9]*" in text
    assert text.count('ATTRS{idVendor}=="0424", ATTRS{idProduct}=="4041"') == 2
    assert all(line.count('"') % 2 == 0 for line in rules)
