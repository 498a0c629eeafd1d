"""A scratch copy of the checkout, in which mutants are applied one at a time. The checkout itself is only read."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tools.mutants.environment import make_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.mutants.mutant import Mutant


class StaleMutant(Exception):
    """A mutant no longer fits the tree: the text that it changes is gone, or stands there more than once."""


class Tree:
    """The scratch copy. `path` is its top; `outside` is a folder beside it for what its tests write."""

    def __init__(self, scratch: Path) -> None:
        self.path = scratch / "tree"
        self.outside = scratch / "t"  # short: sockets live below it, and their paths are limited to 107 bytes
        self.outside.mkdir()
        self._newest = 0

    def program(self, name: str) -> str:
        """Return the path of a program of the tree's virtual environment, such as `python`."""
        return str(self.path / ".venv" / "bin" / name)

    @contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[None]:
        """Keep the tree changed as the mutant says for as long as the block runs. Raises `StaleMutant`."""
        originals: dict[Path, str] = {}
        try:
            for change in mutant.changes:
                path = self.path / change.file
                if not path.is_file():
                    raise StaleMutant(f"{change.file} does not exist any more")
                text = path.read_text()
                if (count := text.count(change.old)) != 1:
                    raise StaleMutant(f"{change.file} has {count} times: {_first_line(change.old)}")
                originals.setdefault(path, text)
                self._write(path, text.replace(change.old, change.new))
            yield
        finally:
            for path, text in originals.items():
                self._write(path, text)

    def _write(self, path: Path, text: str) -> None:
        """Write a file, and give it a time that it has not had yet, in whole seconds.

        Python takes a cached module for up to date if the source has the same size and the same second, and make takes
        an object for up to date if it is not older than the source. Both would mistake one mutant for another.
        """
        path.write_text(text)
        self._newest = max(self._newest, int(time.time())) + 1  # never older than an object
        os.utime(path, (self._newest, self._newest))


def _first_line(text: str) -> str:
    first, newline, _ = text.strip().partition("\n")
    return f"{first} ..." if newline else first


@contextmanager
def scratch_copy(checkout: Path) -> Iterator[Tree]:
    """Yield a copy of the checkout as it is now, with what is not committed; it is deleted afterwards.

    The copy is a git repository of its own that borrows the checkout's objects, since some tests ask git.
    """
    with tempfile.TemporaryDirectory(prefix="hil-mutants-", ignore_cleanup_errors=True) as folder:
        tree = Tree(Path(folder))
        _git(checkout, "clone", "--quiet", "--shared", "--no-hardlinks", str(checkout), str(tree.path))
        changed = _names(checkout, "diff", "--name-only", "-z", "--no-renames", "HEAD")
        for name in changed + _names(checkout, "ls-files", "--others", "--exclude-standard", "-z"):
            source, target = checkout / name, tree.path / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
            else:
                target.unlink(missing_ok=True)
        make_environment(tree.path / ".venv", checkout, tree.path)
        yield tree


def _names(checkout: Path, *arguments: str) -> list[str]:
    return [name for name in _git(checkout, *arguments).split("\0") if name]


def _git(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", checkout, *arguments], check=True, capture_output=True, text=True, timeout=120)
    return done.stdout
