"""`hil build`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from hil.cli import complete
from hil.cli.output import print_json, print_line
from hil.cli.tree import DEFAULT_BOARD


def command(
    platform: Annotated[
        str, typer.Option(help="What to build for.", autocompletion=complete.platforms)
    ] = DEFAULT_BOARD,
    linux: Annotated[bool, typer.Option("--linux/--no-linux", help="Build the images of the Linux host, too.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest of the result.")] = False,
) -> None:
    """Build the firmware and a Linux host for it; what is up to date is left as it is.

    Third-party parts come from Debian's archives, as pinned in firmware/sources.lock and firmware/linux/sources.lock.

    Example:
        hil build
    """
    from hil.build import build, build_directory, build_linux, has_linux
    from hil.build.firmware import MANIFEST

    firmware = build(platform)
    directory = build_directory(platform)
    host = build_linux(platform) if linux and has_linux(platform) else None
    if as_json:
        print_json(json.loads((directory / MANIFEST).read_text(encoding="utf-8")))
        return
    for artifact in [*firmware.artifacts.values(), *(host.artifacts.values() if host else ())]:
        print_line(f"{artifact.sha256[:12]} {artifact.size:>9} {artifact.path}")
    if "bl1.bin" in firmware.artifacts and "fip.bin" not in firmware.artifacts:
        print_line(f"no fip.bin: it takes the board's SCP firmware; name it in boards/{platform}.yaml, images: scp:")
    print_line(f"firmware {firmware.firmware_hash[:12]} in {directory}")
