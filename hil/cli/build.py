"""`hil build`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hil.cli import complete
from hil.cli.output import from_here, print_json, print_line
from hil.errors import UsageError
from hil.session.tree import DEFAULT_BOARD, Tree


def command(
    platform: Annotated[
        str,
        typer.Option(
            help=f"The platform to build for: {', '.join(complete.platforms(''))} (default: {DEFAULT_BOARD}).",
            autocompletion=complete.platforms,
            show_default=False,
        ),
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="Build for every platform.")] = False,
    linux: Annotated[bool, typer.Option("--linux/--no-linux", help="Also build the images of the Linux host.")] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the manifest as JSON; with --all one per platform.")
    ] = False,
) -> None:
    """Build the firmware of one platform and its Linux host, as far as they are out of date.

    Third-party parts come from Debian's archives, as pinned in firmware/sources.lock and firmware/linux/sources.lock.
    Commands that use a board build its images by themselves.

    Examples:
        hil build

        hil build --all
    """
    from hil.firmware import PLATFORMS

    if not everything:
        _refuse_images_from_elsewhere(platform)
    platform = platform or DEFAULT_BOARD
    manifests = {}
    for name in PLATFORMS if everything else [platform]:
        manifests[name] = _build(name, linux=linux, quiet=as_json)
    if as_json:
        print_json(manifests if everything else manifests[platform])


def _refuse_images_from_elsewhere(platform: str) -> None:
    """Raise `UsageError` where `hil build` is asked for images that it cannot make: those of somebody else's firmware.

    A tree may have no boards, and be used to build all the same.
    """
    from hil.firmware import PLATFORMS

    tree = Tree.here_or_none()
    names = tree.board_names() if tree else []
    if tree is None or platform in PLATFORMS:
        return
    if platform in names:
        images = ", ".join(str(from_here(image)) for image in tree.described(platform).images.values())
        raise UsageError(
            f"{platform} starts from images that hil does not build{images and f': {images}'}",
            hint="make them as its firmware is made; hil run takes them as they are",
        )
    # An installed package has no platforms, and says so itself.
    if PLATFORMS and names and not platform and not any(tree.described(name).platform in PLATFORMS for name in names):
        raise UsageError(
            "no board of this tree starts from firmware that hil builds: their images come from elsewhere",
            hint=f"hil boards; hil build --platform {DEFAULT_BOARD} builds that of hil's own boards",
        )


def _build(platform: str, *, linux: bool, quiet: bool) -> Any:
    """Build, print the artifacts, and return the manifest."""
    from hil.board.builds import build, build_linux, has_linux
    from hil.firmware import build_directory

    firmware = build(platform)
    directory = build_directory(platform)
    host = build_linux(platform) if linux and has_linux(platform) else None
    if not quiet:
        for artifact in [*firmware.artifacts.values(), *(host.artifacts.values() if host else ())]:
            print_line(f"{artifact.sha256[:12]} {artifact.size:>9} {artifact.path}")
        if "bl1.bin" in firmware.artifacts and "fip.bin" not in firmware.artifacts:
            where = f"boards/{platform}.yaml, images: scp:"
            print_line(f"no fip.bin: it needs the board's SCP firmware, named in {where}")
        print_line(f"firmware {firmware.firmware_hash[:12]} in {directory}")
    return firmware.manifest().plain()
