"""What a board file says, in types. Whoever wants to know something about a board asks this, and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple

from hil.board.file.boot import BootPlan
from hil.board.file.document import Document, Filled
from hil.errors import BoardFileError
from hil.paths import builds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from labgrid import Environment

    from hil.firmware.machine import EmulatedMachine

EMULATOR = "emulator"
"""The kind of board that runs on the processors of this machine."""
HARDWARE = "board"
"""The kind of board that is hardware."""

LINUX = "linux"
"""The feature of a board that boots into Linux."""
SCP = "scp"
"""The image that runs on a board's system control processor. It comes with the board, not from a build."""

_EMULATOR_DRIVER = "HilQEMUDriver"
_PLACE_OF_A_LAB = "RemotePlace"


class BoardPart(NamedTuple):
    """A resource or a driver: labgrid's class, and the attributes that the file gives it."""

    kind: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BoardFile:
    """One board file. Templates are filled in, and the paths of images are absolute.

    A file with mistakes can be read, too: what is wrong is left out. `hil.board.file.check` finds the mistakes.
    """

    path: Path
    kind: str
    """`EMULATOR` or `HARDWARE`."""
    description: str
    platform: str
    """The directory of firmware/platform/ that the images are built for; empty for firmware from elsewhere."""
    images: Mapping[str, Path]
    features: Mapping[str, str]
    """What tests may ask for, and how the board has it. A feature that is only listed has an empty value."""
    facts: Mapping[str, str]
    """For each feature that is missing, the fact about the hardware behind it."""
    tools: Mapping[str, str]
    """Programs by the names that drivers use."""
    resources: tuple[BoardPart, ...]
    drivers: tuple[BoardPart, ...]
    suites: tuple[str, ...] = ()
    """The only suites that the board is for; empty when it is for all."""
    linux_board: str = ""
    """The same board with images that boot Linux, if it has a file of its own."""
    hardware_board: str = ""
    """The board whose file describes the same piece of hardware, if that is another one."""
    direct_board: str = ""
    """The board that runs the same guest without a Linux host around it."""
    guest_images: Mapping[str, int] = field(default_factory=dict)
    """The physical addresses of the images `kernel` and `initrd` of a guest of the monitor."""
    guest_seconds: float | None = None
    """How long a guest of the board's Linux may take to boot."""
    bootargs: str = ""
    """The command line that the build puts into the device tree of the board's Linux."""

    @classmethod
    def read(cls, path: Path) -> BoardFile:
        """Read a board file. Raises `BoardFileError` with file and line when it is no YAML."""
        document = Document(path)
        if document.problems:
            raise BoardFileError("\n".join(problem.at(path) for problem in document.problems))
        known = {name: value for name, value in os.environ.items() if name.startswith("LG_")}
        return cls._described(path, _filled(document.data, {**known, "BASE": str(path.parent.absolute())}))

    @classmethod
    def of_environment(cls, environment: Environment) -> BoardFile:
        """Return the board file of a labgrid environment, with all that was changed since it was opened."""
        return cls._described(Path(environment.config_file), environment.config.data)

    @classmethod
    def _described(cls, path: Path, data: Mapping[str, Any]) -> BoardFile:
        targets = [_mapping(target) for target in _mapping(data.get("targets")).values()]
        options = _mapping(data.get("options"))
        images = {str(key): _image(path, str(value)) for key, value in _mapping(data.get("images")).items()}
        guest_images, seconds = _mapping(options.get("guest_images")), options.get("guest_seconds")
        return cls(
            path=path,
            kind=_text(options.get("kind")),
            description=_text(options.get("description")),
            platform=_text(options.get("platform")) or _platform_of(images.values()),
            images=images,
            features={
                name: value for section in (data, *targets) for name, value in _features(section.get("features"))
            },
            facts=_texts(options.get("facts")),
            tools=_texts(data.get("tools")),
            resources=tuple(part for target in targets for part in _parts(target.get("resources"))),
            drivers=tuple(part for target in targets for part in _parts(target.get("drivers"))),
            suites=tuple(map(str, _list(options.get("suites")))),
            linux_board=_text(options.get("linux_board")),
            hardware_board=_text(options.get("hardware")),
            direct_board=_text(options.get("direct_board")),
            guest_images={str(name): address for name, address in guest_images.items() if isinstance(address, int)},
            guest_seconds=seconds if isinstance(seconds, int | float) else None,
            bootargs=_text(options.get("bootargs")),
        )

    @property
    def name(self) -> str:
        """The name of the board, which is that of its file."""
        return self.path.stem

    @property
    def hardware(self) -> str:
        """The name of the hardware, which boards share that differ in their images only: one at a time can use it."""
        return self.hardware_board or self.name

    @property
    def remote(self) -> bool:
        """Whether the board is at a place of a lab."""
        return any(part.kind == _PLACE_OF_A_LAB for part in self.resources)

    @property
    def at_this_machine(self) -> bool:
        """Whether the board is hardware that is plugged in here, so that no lab leases it."""
        return self.kind == HARDWARE and not self.remote

    @property
    def boots_into(self) -> str:
        """The state in which a boot ends: `monitor` or `linux`; empty without a strategy that has states."""
        named = (part.attributes.get("states") for part in self.drivers)
        return next((str([*states][-1]) for states in named if states and isinstance(states, dict | list)), "")

    def boot(self) -> BootPlan:
        """Return the states of the board with their deadlines and banners, and the lines that mean a panic.

        Raises `BoardFileError` when the strategy is missing or wrong.
        """
        uarts = [str(line) for part in self.drivers for line in _list(part.attributes.get("uarts"))]
        for states, panics in self._plans():
            try:
                return BootPlan.parse(states, panics, uarts)
            except BoardFileError as error:
                raise BoardFileError(f"{self.path}: {error.message}") from None
        raise BoardFileError(f"{self.path}: no strategy has `states`", hint=f"hil boards --check {self.name}")

    def machine(self) -> EmulatedMachine:
        """Return the emulated machine that Linux images are made for.

        Raises `BoardFileError` when the file lacks something that the images depend on.
        """
        from hil.firmware.machine import EmulatedMachine  # what the build imports takes longer than all of `hil boards`

        try:
            if not self.bootargs:
                raise KeyError("bootargs")
            driver = next(part.attributes for part in self.drivers if part.kind == _EMULATOR_DRIVER)
            options = {"-cpu": "cpu", "-smp": "smp", "-m": "memory"}
            return EmulatedMachine(
                program=self.tools[driver["qemu_bin"]],
                model=driver["machine"],
                arguments=(
                    *(word for option, key in options.items() for word in (option, str(driver[key]))),
                    *map(str, driver["args"]),
                ),
                kernel_address=int(driver["loads"]["kernel"]),
                initrd_address=int(driver["loads"]["initrd"]),
                bootargs=self.bootargs,
            )
        except (KeyError, TypeError, ValueError, StopIteration) as error:
            raise BoardFileError(
                f"{self.path} does not describe a machine for Linux: {error!r}", doing="building the Linux images"
            ) from None

    def scp(self) -> Path | None:
        """Return the SCP firmware that the file names; None when it names none.

        Raises `BoardFileError` when what is named is not there.
        """
        found = self.images.get(SCP)
        if found is None or found.is_file():
            return found
        raise BoardFileError(
            f"{self.path}: `images.{SCP}`: there is no {found}",
            doing="looking for the SCP firmware",
            hint="set it to the file that came with the board; without the key, the build makes no fip.bin",
        )

    def _plans(self) -> Iterator[tuple[Mapping[str, Any], list[Any]]]:
        """Yield states and panics of each driver that has states."""
        for part in self.drivers:
            if states := _mapping(part.attributes.get("states")):
                yield states, _list(part.attributes.get("panics"))


def _platform_of(images: Iterable[Path]) -> str:
    """Return the platform of the build that images come from, for board files that do not say it; empty if none is."""
    for folder in (builds(coverage=True), builds()):  # the first is inside the second
        for image in images:
            if image.is_relative_to(folder) and image.parent != folder:
                return image.relative_to(folder).parts[0]
    return ""


def _image(board_file: Path, image: str) -> Path:
    """Return where an image is, as labgrid resolves it."""
    path = board_file.parent / os.path.expandvars(Path(image).expanduser())
    return path.parent.resolve() / path.name


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Fill templates in. What is not known, such as the place of a lab, stays as it is."""
    if isinstance(value, Filled):
        return Template(value).safe_substitute(variables)
    if isinstance(value, dict):
        return {key: _filled(inside, variables) for key, inside in value.items()}
    return [_filled(inside, variables) for inside in value] if isinstance(value, list) else value


def _parts(section: Any) -> Iterator[BoardPart]:
    """Yield what a section lists, in any of labgrid's forms."""
    for entry in [section] if isinstance(section, dict) else _list(section):
        if isinstance(entry, dict) and "cls" in entry:
            yield BoardPart(str(entry["cls"]), {key: value for key, value in entry.items() if key != "cls"})
        else:
            yield from (BoardPart(str(kind), _mapping(attributes)) for kind, attributes in _mapping(entry).items())


def _features(section: Any) -> Iterator[tuple[str, str]]:
    if isinstance(section, dict):
        yield from ((str(name), _text(value)) for name, value in section.items())
    else:
        yield from ((str(name), "") for name in _list(section))


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _texts(value: Any) -> dict[str, str]:
    return {str(name): _text(text) for name, text in _mapping(value).items()}
