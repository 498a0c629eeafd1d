"""Runs build steps only if the content of their inputs has changed; the times of files do not matter."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hil.buildid import DIGITS
from hil.firmware.errors import BuildFailed
from hil.hashes import known_sha256
from hil.paths import cache_root
from hil.progress import Terminal
from hil.tools import missing_tool, run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hil.progress import Progress

STEP_SECONDS = 1800.0
VERSION_SECONDS = 30.0
LOG_TAIL_LINES = 15
SOURCE_DATE_EPOCH = "1735689600"
"""2025-01-01: the time that anything time-stamped in an image gets, so that equal sources give equal images."""

KEPT_OUTPUTS = 16
"""How many outputs of each step the cache keeps; those of all steps take 10 MB."""
_DIGESTS = "digests.json"
LAYOUT = ".layout"
"""The file in a build tree that says what it was laid out from."""

_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "USER")
_IGNORED_DIRECTORIES = frozenset({"__pycache__"})


def digest(inputs: Iterable[Path | str]) -> str:
    """Return one hash over texts, files and trees: names and contents, without documents."""
    total = hashlib.sha256()
    for item in inputs:
        if isinstance(item, str):
            total.update(f"text {len(item)} {item}\n".encode())
            continue
        for path in _files(item):
            total.update(f"file {path.relative_to(item)} {known_sha256(path)}\n".encode())
    return total.hexdigest()


def build_id(inputs: Iterable[Path | str]) -> str:
    """Return the build id of what is made from these inputs: what it announces at boot, by which a run knows it."""
    return digest(inputs)[:DIGITS]


def version(program: str) -> str:
    """Return the first line of what a program says about its version. Raises `MissingTool` and `ToolFailed`."""
    output = run_tool([program, "--version"], seconds=VERSION_SECONDS, doing="building the firmware")
    return output.text.splitlines()[0]


class BuildDirectory:
    """A build directory: the outputs of each step, the log of its last run, and a stamp with the hash of its inputs."""

    def __init__(self, path: Path, progress: Progress | None = None) -> None:
        self.path = path
        self._progress = progress or Terminal()

    def step(
        self,
        name: str,
        title: str,
        inputs: Iterable[Path | str],
        outputs: Sequence[str],
        work: Callable[[BuildStep], None],
        *,
        shared: bool = False,
    ) -> tuple[Path, ...]:
        """Make `outputs` (paths below the build directory) by `work`, unless they were made from the same inputs.

        With `shared`, that holds for all checkouts and all earlier contents of this one; then nothing that `work` makes
        may depend on where it is. Returns the paths. Raises `BuildFailed` with the end of the log.
        """
        key = digest([name, *inputs])
        paths = tuple(self.path / output for output in outputs)
        stamp = self.path / "stamps" / f"{name}.json"
        if self._recorded(stamp, key) == _digests(paths):
            return paths
        stamp.unlink(missing_ok=True)
        earlier = EarlierOutputs(name, key) if shared else None
        if earlier and earlier.restore(self.path, outputs):
            self._stamp(stamp, key, paths)
            return paths
        log = self._run(name, title, work)
        if missing := [path for path in paths if not path.is_file()]:
            raise BuildFailed(f"{missing[0]} was not made", doing=title, hint=f"see {log}")
        self._stamp(stamp, key, paths)
        if earlier:
            earlier.keep(self.path, outputs)
        return paths

    def once(self, name: str, title: str, target: Path, work: Callable[[BuildStep], None]) -> None:
        """Make `target`, whose name says what it was made from, by `work`, unless it is there."""
        if not target.exists():
            self._run(name, title, work)

    def _run(self, name: str, title: str, work: Callable[[BuildStep], None]) -> Path:
        log = self.path / "logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        with self._progress.step(title):
            work(BuildStep(title, log))
        return log

    @staticmethod
    def _stamp(stamp: Path, key: str, paths: Sequence[Path]) -> None:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(json.dumps({"key": key, "outputs": _digests(paths)}), encoding="utf-8")

    @staticmethod
    def _recorded(stamp: Path, key: str) -> list[str] | None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(stamp.read_text(encoding="utf-8"))
            if content["key"] == key:
                return list(content["outputs"])
        return None


class EarlierOutputs:
    """The outputs of a step that were made from inputs with this key, in the cache that all checkouts share.

    The cache only saves time: without space for it, or without the right to write it, everything is made as usual.
    """

    def __init__(self, name: str, key: str) -> None:
        self._directory = cache_root() / "steps" / name / key

    def restore(self, target: Path, outputs: Sequence[str]) -> bool:
        """Copy the outputs below `target`, and return whether they are there, whole."""
        try:
            digests = json.loads((self._directory / _DIGESTS).read_text(encoding="utf-8"))
            for output in outputs:
                (target / output).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self._directory / output, target / output)
            os.utime(self._directory)  # the oldest are removed first
        except (OSError, ValueError):
            return False
        return bool(_digests(target / output for output in outputs) == digests)

    def keep(self, source: Path, outputs: Sequence[str]) -> None:
        """Copy the outputs below `source` into the cache, and remove what has not been used for longest."""
        with suppress(OSError):
            self._directory.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._directory.parent, prefix=".") as scratch:
                made = Path(scratch) / "made"
                for output in outputs:
                    (made / output).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(source / output, made / output)
                (made / _DIGESTS).write_text(
                    json.dumps(_digests(source / output for output in outputs)), encoding="utf-8"
                )
                made.rename(self._directory)
            kept = sorted(self._directory.parent.glob("[!.]*"), key=lambda path: path.stat().st_mtime)
            for directory in kept[:-KEPT_OUTPUTS]:
                shutil.rmtree(directory)


class BuildStep:
    """A running build step. It runs commands, whose output goes to its log."""

    def __init__(self, title: str, log: Path) -> None:
        self.title = title
        self._log = log

    def run(self, *command: str | Path, directory: Path | None = None) -> None:
        """Run a command in a clean environment. Raises `BuildFailed` with the end of the log."""
        line = [str(word) for word in command]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment |= {"LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH, "TZ": "UTC"}
        with self._log.open("ab") as log:
            log.write(f"$ {' '.join(line)}\n".encode())
            log.flush()
            try:
                process = subprocess.Popen(
                    line,
                    cwd=directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                )
            except FileNotFoundError:
                raise missing_tool(line[0], doing=self.title) from None
            try:
                status = process.wait(STEP_SECONDS)
            except BaseException as error:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if isinstance(error, subprocess.TimeoutExpired):
                    raise self._failed(f"{line[0]} did not finish within {STEP_SECONDS:g} s") from None
                raise
        if status:
            raise self._failed(f"{line[0]} failed with status {status}")

    def _failed(self, message: str) -> BuildFailed:
        tail = self._log.read_text(errors="replace", encoding="utf-8").splitlines()[-LOG_TAIL_LINES:]
        return BuildFailed(message, doing=self.title, console=tail, hint=f"see the whole log: {self._log}")


@contextmanager
def kept_tree(tree: Path, layout: str) -> Iterator[bool]:
    """Yield whether `tree` is that of an earlier build with the same `layout`, in which only contents may differ.

    Else it is removed, also if the earlier build did not end well: make trusts what a killed compiler left.
    """
    stamp = tree / LAYOUT
    kept = stamp.is_file() and stamp.read_text(encoding="utf-8") == layout
    if kept:
        stamp.unlink()
    else:
        shutil.rmtree(tree, ignore_errors=True)
    yield kept
    stamp.write_text(layout, encoding="utf-8")


def lay(source: Path, target: Path) -> None:
    """Copy a tree over another one, or a file to a path. Files that are equal already keep their times."""
    if source.is_file():
        _copy_changed(str(source), str(target))
        return
    shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True, copy_function=_copy_changed)


def names(tree: Path) -> list[str]:
    """Return the names of all files of a tree that builds depend on, relative to it; the name of a file alone."""
    return [str(path.relative_to(tree)) for path in _files(tree)]


def _copy_changed(source: str, target: str) -> None:
    write_changed(Path(target), Path(source).read_bytes())
    shutil.copymode(source, target)


def write_changed(path: Path, content: bytes) -> None:
    """Write a file unless it has this content already, so that make sees only what has changed."""
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)


def _files(item: Path) -> Iterable[Path]:
    if item.is_file():
        return [item]
    if not item.is_dir():
        raise BuildFailed(f"{item} is missing", doing="looking at what the build depends on")
    found = []
    for directory, folders, names in os.walk(item):
        folders[:] = [folder for folder in folders if folder not in _IGNORED_DIRECTORIES]
        found += [os.path.join(directory, name) for name in names if not name.endswith(".md")]  # noqa: PTH118 - many
    return sorted(path for path in map(Path, found) if path.is_file())


def _digests(paths: Iterable[Path]) -> list[str]:
    return [known_sha256(path) if path.is_file() else "" for path in paths]
