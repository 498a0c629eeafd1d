"""What a command line selects, known before anything is built, leased or recorded: pytest collects and runs nothing."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# What pytest knows as options, and where its arguments come from, is told by private names only; pyproject.toml bounds
# the version.
from _pytest.config import Config, get_config

from hil.errors import UsageError
from hil.session.entry import plugin_modules
from hil.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ABOUT_PYTEST = (
    "--fixtures",
    "--funcargs",
    "--markers",
    "--fixtures-per-test",
    "--setup-only",
    "--help",
    "-h",
    "--version",
)
"""Options with which pytest tells something and selects nothing."""
_INTERACTIVE = {"--pdb", "--trace"}
_OF_LABGRID = "--lg-"
_WITHOUT_GARBAGE = ("-p", "no:unraisableexception")
"""That plugin collects garbage five times at the end, for errors that nobody could catch; no test has run."""
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_ARGUMENTS = re.compile(r"(?<=\w)\([^()]*\)")
"""The arguments of a marker in `-m`, such as `element(name='E8')`."""
_MARKERS_OF_LABGRID = {"lg_feature", "lg_xfail_feature"}
_HARMLESS = {"-x", "--exitfirst", "-v", "-vv", "-q", "-s"}
_WITH_VALUE = {"--hil-reports"}
_MARKERS_OF_PYTEST = {"parametrize", "skip", "skipif", "xfail", "usefixtures", "filterwarnings"}
_TEST = re.compile(r"^\s*(?:async )?def test", re.MULTILINE)
_MARKER = re.compile(r"\bmark\.(\w+)")
_OF_EXPRESSIONS = {"and", "or", "not", "True", "False", "None"}


def check_selection(options: Sequence[str], arguments: Sequence[str], suites: Path, known: Iterable[str] = ()) -> bool:
    """Raise `UsageError` if `arguments` for pytest name what is not there, or select no test at all.

    `options` come before them in the run; `suites` is what is run when no path is given; `known` are options that the
    command itself has. Returns whether a path is given. A suite that cannot be collected is the run's to report.
    """
    if any(argument.partition("=")[0] in ABOUT_PYTEST for argument in arguments):
        return any(Path(argument.partition("::")[0]).exists() for argument in arguments)
    seen = _Collection(suites)
    code, said = seen.run(options, arguments)
    if seen.error:
        raise seen.error
    if code == pytest.ExitCode.USAGE_ERROR:
        raise _explained(said, known)
    if seen.ended and not (seen.selected or seen.failed or "--verify-quarantine" in arguments):
        why = f"no test is selected by {shlex.join(arguments)}"
        raise UsageError(why, hint=seen.hint)
    return seen.has_paths


def selects_plainly(arguments: Sequence[str], markers: Iterable[str]) -> bool:
    """Whether `arguments` are paths of tests that are there, which takes no pytest to tell, only a look at the files.

    `markers` are those that may be used in them: others might be misspelt. All else is for `check_selection`, which
    starts pytest once more, as a fifth of what a run of one test costs.
    """
    known = _MARKERS_OF_PYTEST | {*markers}
    rest = iter(arguments)
    paths = 0
    for argument in rest:
        if argument in _WITH_VALUE:
            next(rest, None)
        elif argument not in _HARMLESS:
            if argument.startswith("-") or not _has_tests(argument, known):
                return False
            paths += 1
    return paths > 0


def _has_tests(argument: str, markers: set[str]) -> bool:
    name, *inside = argument.split("::")
    path = Path(name)
    files = [path] if path.is_file() else path.rglob("test_*.py")
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    return (
        any(map(_TEST.search, texts))
        and all(
            re.search(rf"^\s*(?:async )?(?:def|class) {re.escape(part)}\b", texts[0], re.MULTILINE) for part in inside
        )
        and {marker for text in texts for marker in _MARKER.findall(text)} <= markers
    )


class _Collection:
    """pytest plugin that collects, and remembers what it found and why it ended."""

    def __init__(self, suites: Path) -> None:
        self._suites = suites
        self.has_paths = False
        self.error: UsageError | None = None
        self.ended = False
        self.failed = False
        self.selected = 0
        self.hint = ""
        self.ids: list[str] = []
        self._options: Sequence[str] = ()

    def run(self, options: Sequence[str], arguments: Sequence[str]) -> tuple[int, str]:
        """Collect; returns pytest's exit code and what it said."""
        self._options = options
        plain = [argument for argument in arguments if argument not in _INTERACTIVE]
        without = [] if any(argument.startswith(_OF_LABGRID) for argument in plain) else ["-p", "no:labgrid"]
        given = os.environ.pop("LG_ENV", None)  # no board is opened
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                code = pytest.main(
                    [*options, *without, *plain, *_WITHOUT_GARBAGE, "--collect-only", "-q"],
                    plugins=[*plugin_modules(), self],
                )
        finally:
            if given is not None:
                os.environ["LG_ENV"] = given
        return int(code), out.getvalue()

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Have pytest write no report of this."""
        if hasattr(config.option, "xmlpath"):
            config.option.xmlpath = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> Iterator[None]:
        """Look for each path before pytest does, which would not name the nearest one."""
        config = session.config
        self.has_paths = config.args_source is Config.ArgsSource.ARGS
        if not self.has_paths:
            config.args = [str(self._suites)]
        for argument in config.args if self.has_paths and not config.option.pyargs else ():
            self._look_for(config.invocation_params.dir, argument)
        try:
            return (yield)
        except pytest.UsageError as error:
            self.error = self._no_such_test(config, error)
            raise

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep what a plugin said with `pytest.exit`, such as about a need that does not exist."""
        if isinstance(excinfo.value, pytest.exit.Exception):
            self.error = UsageError(excinfo.value.msg)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that something cannot be collected."""
        self.failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Check the words of `-m`, and keep those that `-k` may have meant."""
        self.ids = [item.nodeid for item in items]
        declared = {re.split(r"[:(]", line)[0].strip() for line in config.getini("markers")}
        marks = declared | {mark.name for item in items for mark in item.iter_markers()} | _MARKERS_OF_LABGRID
        for word in _words(_ARGUMENTS.sub("", config.option.markexpr)):
            if word not in marks:
                self.error = UsageError(f"-m names no marker: `{word}`{nearest(word, marks)}", hint="hil run --markers")
        names = {word.lower() for id in self.ids for word in _WORD.findall(id)}
        wrong = [word for word in _words(config.option.keyword) if not any(word.lower() in name for name in names)]
        self.hint = "-k selects by names of tests and files, -m by markers"
        if wrong:
            parts = {part for name in names for part in name.split("_") if abs(len(part) - len(wrong[0])) <= 2}
            self.hint = f"nothing has `{wrong[0]}` in its name{nearest(wrong[0], parts) if parts else ''}"

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count what would run."""
        self.ended = True
        self.selected = len(session.items)

    def _look_for(self, here: Path, argument: str) -> None:
        path = Path(os.path.abspath(here / argument.partition("::")[0]))  # noqa: PTH100 # symbolic links stay
        if path.exists():
            return
        there = next(folder for folder in path.parents if folder.exists())
        lost = path.relative_to(there).parts[0]
        beside = [entry.name for entry in there.iterdir() if not entry.name.startswith((".", "__"))]
        self.error = UsageError(
            f"there is no {argument.partition('::')[0]}: {there} has no `{lost}`{nearest(lost, beside)}"
        )
        raise pytest.UsageError(self.error.message)

    def _no_such_test(self, config: pytest.Config, error: pytest.UsageError) -> UsageError:
        """Return an error that names the nearest test, which takes a second look at the file."""
        if self.error:
            return self.error
        for argument in config.args:
            file, separator, wanted = argument.partition("::")
            if separator and any(wanted.partition("[")[0] in str(said) for said in error.args):
                look = _Collection(self._suites)
                look.run(self._options, [file])
                names = {id.partition("::")[2] for id in look.ids}
                bare = {name.partition("[")[0] for name in names}
                return UsageError(
                    f"there is no test `{wanted}` in {file}{nearest(wanted, names if '[' in wanted else bare)}"
                )
        return UsageError("; ".join(map(str, error.args)))


def _options_of_pytest() -> set[str]:
    return {name for group in get_config()._parser._groups for option in group.options for name in option.names()}


def _explained(said: str, known: Iterable[str]) -> UsageError:
    """Return pytest's own complaint in one line; unknown options with the nearest ones that there are."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if unknown := re.search(r"unrecognized arguments: (.*)", said):
        wrong = [word for word in unknown[1].split() if word.startswith("-")] or [unknown[1]]
        name = wrong[0].partition("=")[0]
        return UsageError(f"there is no option {name}{nearest(name, {*known, *_options_of_pytest()})}")
    told = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")] or lines[-1:]
    return UsageError("; ".join(told) or "pytest cannot make sense of its arguments")


def _words(expression: str) -> list[str]:
    return [word for word in _WORD.findall(expression or "") if word not in _OF_EXPRESSIONS]
