"""A virtual environment for the scratch tree: the packages of the one that runs, but the tree's own code."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_SCRIPT_BYTES = 100_000
"""What is larger than this is a program and no script that says where its interpreter is."""


def make_environment(target: Path, checkout: Path, tree: Path) -> None:
    """Make `target` a virtual environment in which whatever names `checkout` names `tree` instead.

    A search path in the environment of a process would not do: tests start processes in environments of their own, and
    one that fell back to the checkout would run the code that no mutant has changed. Packages are links, so that this
    takes no time and no room.
    """
    source = Path(sys.prefix)
    packages = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (target / "bin").mkdir(parents=True)
    (target / packages).mkdir(parents=True)
    shutil.copy(source / "pyvenv.cfg", target)
    for entry in (source / "bin").iterdir():
        _lay(entry, target / "bin" / entry.name, {str(source): str(target)})
    for entry in (source / packages).iterdir():
        if entry.name != "__pycache__":
            _lay(entry, target / packages / entry.name, {str(checkout): str(tree)})


def _lay(entry: Path, target: Path, moved: dict[str, str]) -> None:
    """Link a file or folder, or copy it where it names a path that is another one now."""
    if entry.is_file() and not entry.is_symlink() and entry.stat().st_size < _SCRIPT_BYTES:
        text = entry.read_bytes()
        changed = text
        for old, new in moved.items():
            changed = changed.replace(old.encode(), new.encode())
        if changed != text:
            target.write_bytes(changed)
            target.chmod(entry.stat().st_mode)
            return
    target.symlink_to(entry.readlink() if entry.is_symlink() else entry)
