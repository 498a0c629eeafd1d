"""What a board file is made of, in types. Messages, documentation and the JSON Schema are made from these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Texts = dict[str, str]


class Features(msgspec.Struct, kw_only=True):
    """The features that our own suites ask for; suites of others may ask for more."""

    secure_space: Annotated[
        Literal["protected", "unprotected"] | UnsetType,
        Meta(description="whether hardware keeps secure memory from EL2 and EL1"),
    ] = UNSET
    entropy: Annotated[str | UnsetType, Meta(description="where the service's random numbers come from")] = UNSET
    devicetree: Annotated[str | int | UnsetType, Meta(description="the address of the device tree")] = UNSET
    snapshots: Annotated[str | UnsetType, Meta(description="what a state after boot is kept in")] = UNSET
    host_memory_access: Annotated[
        str | UnsetType, Meta(description="how memory is seen without the board's processors")
    ] = UNSET
    stage2_write_check: Annotated[
        str | UnsetType, Meta(description="that AT S12E1W survives a stage-2 permission fault")
    ] = UNSET
    device_alignment: Annotated[
        str | UnsetType, Meta(description="that unaligned accesses to device memory are faults")
    ] = UNSET
    vectors: Annotated[
        str | UnsetType, Meta(description="that processors have SVE and SME, with vectors of more than 128 bits")
    ] = UNSET
    linux: Annotated[str | UnsetType, Meta(description="that the board boots into Linux with KVM, and which")] = UNSET
    guest_images: Annotated[
        str | UnsetType, Meta(description="a kernel in memory that the monitor can boot in a VM")
    ] = UNSET


class Options(msgspec.Struct, kw_only=True):
    """What is known of the board as a whole; a repository may have options of its own."""

    kind: Annotated[
        Literal["emulator", "board"] | UnsetType,
        Meta(description="whether the board runs on this machine's processors"),
    ] = UNSET
    description: Annotated[str | UnsetType, Meta(description="one line for `hil boards`")] = UNSET
    platform: Annotated[
        str | UnsetType, Meta(description="the directory of firmware/platform/ that the images are built for")
    ] = UNSET
    facts: Annotated[
        Texts | UnsetType, Meta(description="for each feature that is missing: the fact about the hardware behind it")
    ] = UNSET
    suites: Annotated[list[str] | UnsetType, Meta(description="the only suites that the board is for")] = UNSET
    linux_board: Annotated[
        str | UnsetType, Meta(description="the same board with images that boot Linux: the name of its file")
    ] = UNSET
    hardware: Annotated[
        str | UnsetType, Meta(description="the same piece of hardware with other images: the name of its file")
    ] = UNSET
    direct_board: Annotated[
        str | UnsetType,
        Meta(description="the same guest without a Linux host around it: the name of the board's file"),
    ] = UNSET
    guest_images: Annotated[
        dict[str, int] | UnsetType,
        Meta(description="where the images `kernel` and `initrd` for a guest of the monitor lie in memory"),
    ] = UNSET
    guest_seconds: Annotated[
        int | UnsetType, Meta(description="how long a guest of this board's Linux may take to boot")
    ] = UNSET
    bootargs: Annotated[
        str | UnsetType, Meta(description="command line of Linux, which the build puts into its device tree")
    ] = UNSET
    coordinator_address: Annotated[
        str | UnsetType, Meta(description="labgrid's coordinator, HOST:PORT, if LG_COORDINATOR does not say it")
    ] = UNSET
    coordinator_tls: Annotated[
        bool | UnsetType, Meta(description="whether it has TLS, if LG_COORDINATOR_TLS does not say it")
    ] = UNSET
    coordinator_cacert: Annotated[
        str | UnsetType, Meta(description="file with the certificates that may sign the coordinator's")
    ] = UNSET


class WrittenEntry(msgspec.Struct, kw_only=True):
    """What every resource and driver may have, besides the attributes of its class."""

    cls: Annotated[str | UnsetType, Meta(description="the class of the entry, where it is not the key")] = UNSET
    name: Annotated[str | UnsetType, Meta(description="tells entries of one class apart")] = UNSET
    bindings: Annotated[
        Texts | UnsetType,
        Meta(description="the names of the entries that this driver uses, where there are several"),
    ] = UNSET


class Target(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A board, as labgrid sees it."""

    features: Annotated[
        Features | list[str] | UnsetType,
        Meta(description="what tests may ask for (`needs_...`), and how the board has it"),
    ] = UNSET
    resources: Annotated[
        dict[str, Any] | list[Any] | UnsetType,
        Meta(description="what is plugged in where: serial ports, switches, places of a lab"),
    ] = UNSET
    drivers: Annotated[
        dict[str, Any] | list[Any] | UnsetType,
        Meta(description="how it is used, suppliers first, the strategy last"),
    ] = UNSET
    options: Annotated[dict[str, Any] | UnsetType, Meta(description="options of this target alone")] = UNSET


class WrittenBoard(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A board file."""

    imports: Annotated[
        list[str] | UnsetType,
        Meta(description="Python modules, or files (`mine.py`), with drivers, resources and strategies"),
    ] = UNSET
    tools: Annotated[Texts | UnsetType, Meta(description="programs by the names that drivers use, such as `qemu`")] = (
        UNSET
    )
    images: Annotated[
        Texts | UnsetType,
        Meta(description="files that go to the board by the names that drivers use; relative to this file"),
    ] = UNSET
    paths: Annotated[
        Texts | UnsetType, Meta(description="other files by the names that drivers use; relative to this file")
    ] = UNSET
    options: Annotated[Options | UnsetType, Meta(description="what is known of the board as a whole")] = UNSET
    features: Annotated[Features | list[str] | UnsetType, Meta(description="what all targets have")] = UNSET
    targets: Annotated[dict[str, Target], Meta(description="the board, under the name `main`", min_length=1)]


class WrittenBanner(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The line by which a stage of the boot makes itself known."""

    stage: Annotated[str | int, Meta(description="what the stage is called in reports")]
    uart: Annotated[str | int, Meta(description="the serial line on which it says so")]
    line: Annotated[str | int, Meta(description="a regular expression that the line contains")]
    repeats: Annotated[
        bool | UnsetType, Meta(description="that the line may come again without a restart of the board")
    ] = UNSET
    speed: Annotated[
        Annotated[int, Meta(gt=0)] | UnsetType,
        Meta(description="the speed of the serial line from this stage on, in baud, if it is another one"),
    ] = UNSET


class WrittenPanic(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A line by which the firmware says that it cannot go on."""

    uart: Annotated[str | int, Meta(description="the serial line on which it says so")]
    line: Annotated[str | int, Meta(description="a regular expression that the line contains")]


class WrittenState(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the board gets from the state before to this one, and how it is used there."""

    deadline: Annotated[float, Meta(gt=0, description="how long it may take, in seconds")]
    banners: Annotated[
        Annotated[list[WrittenBanner], Meta(min_length=1)] | UnsetType,
        Meta(description="the lines by which it shows, in order; a state with a `driver` may do without"),
    ] = UNSET
    driver: Annotated[
        str | UnsetType,
        Meta(description="the driver by which the board is used in this state: its `name`, or its class"),
    ] = UNSET
    command: Annotated[
        str | UnsetType, Meta(description="what is typed at the prompt of the state before to get to this one")
    ] = UNSET


States = dict[str, WrittenState]
"""The states of a board after `off` and `flashed`, by name, in the order of its boot."""
