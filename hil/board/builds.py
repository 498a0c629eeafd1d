"""Builds what boards start from: the firmware of a platform, with what only the files of its boards say about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil import firmware
from hil.board.file.boardfile import LINUX, SCP, BoardFile
from hil.errors import BoardFileError
from hil.firmware import PLATFORMS, build_directory, linux_directory
from hil.paths import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from hil.firmware import Firmware
    from hil.firmware.machine import EmulatedMachine
    from hil.progress import Progress


__all__ = ["build", "build_linux", "has_linux"]


@dataclass(frozen=True, slots=True)
class Build:
    """The build that a board's images come from: with the images of a Linux host or without, for coverage or not."""

    platform: str
    linux: bool
    coverage: bool

    @classmethod
    def of_board(cls, board: BoardFile) -> Build | None:
        """Return the build of a board; None when its images are not built here."""
        if board.platform not in PLATFORMS:
            return None
        folders = {image.parent for image in board.images.values()}
        for coverage in (False, True):
            if linux_directory(board.platform, coverage=coverage) in folders:
                return cls(board.platform, linux=True, coverage=coverage)
            if build_directory(board.platform, coverage=coverage) in folders:
                return cls(board.platform, linux=False, coverage=coverage)
        return None


def build(
    platform: str, *, coverage: bool = False, progress: Progress | None = None, checkout: Path = CHECKOUT
) -> Firmware:
    """Build the firmware of a platform; what is up to date is left as it is.

    Raises what `hil.firmware.build` raises, and `BoardFileError` when the SCP firmware that a board names is missing.
    """
    scp = _scp(boards_of(platform, checkout))
    return firmware.build(platform, scp=scp, coverage=coverage, progress=progress, checkout=checkout)


def build_linux(
    platform: str, *, coverage: bool = False, progress: Progress | None = None, checkout: Path = CHECKOUT
) -> Firmware:
    """Build the firmware of a platform and the images of a Linux host, and return these images.

    Raises what `hil.firmware.build_linux` raises, and `BoardFileError` when the SCP firmware that a board names is
    missing, or when no board file describes the machine completely.
    """
    boards = boards_of(platform, checkout)
    return firmware.build_linux(
        platform, _machine(boards), scp=_scp(boards), coverage=coverage, progress=progress, checkout=checkout
    )


def bring_up_to_date(board: BoardFile) -> None:
    """Build the firmware that a board starts from, if it is built here. Raises what `build_linux` raises."""
    if wanted := Build.of_board(board):
        run = build_linux if wanted.linux else build
        run(wanted.platform, coverage=wanted.coverage)


def has_linux(platform: str, checkout: Path = CHECKOUT) -> bool:
    """Whether a board of the platform boots into Linux."""
    return any(LINUX in board.features for board in boards_of(platform, checkout))


def boards_of(platform: str, checkout: Path = CHECKOUT) -> list[BoardFile]:
    """Return the boards of a checkout that are of a platform. Raises `BoardFileError` for a file that is no YAML."""
    boards = map(BoardFile.read, sorted((checkout / "boards").glob("*.yaml")))
    return [board for board in boards if board.platform == platform]


def _machine(boards: list[BoardFile]) -> EmulatedMachine | None:
    """Return the machine that Linux images are made for: the build puts `bootargs` of its board into the images."""
    described = [board for board in boards if board.bootargs]
    machines = {board.name: board.machine() for board in described}
    if len(set(machines.values())) > 1:
        raise BoardFileError(
            f"{' and '.join(machines)} have `bootargs`, and describe different machines",
            doing="building the Linux images",
            hint="the images of a platform are made for one machine; `bootargs` in one board file",
        )
    return next(iter(machines.values()), None)


def _scp(boards: list[BoardFile]) -> Path | None:
    """Return the SCP firmware that boards name."""
    found = {board.name: board.scp() for board in boards if SCP in board.images}
    if len(set(found.values())) > 1:
        raise BoardFileError(
            f"{' and '.join(found)} name different SCP firmware",
            doing="looking for the SCP firmware",
            hint=f"one file in `images.{SCP}` of all boards of a platform: they share one build",
        )
    return next(iter(found.values()), None)
