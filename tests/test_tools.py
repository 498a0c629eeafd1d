"""Programs that we run end in time, and their failures say what happened and what to do."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from hil.errors import MissingTool, ToolFailed, ToolTimeout, UsageError
from hil.firmware.errors import CorruptDownload
from hil.tools import TAIL_LINES, ask_tool, missing_tool, run_tool

if TYPE_CHECKING:
    from pathlib import Path

NO_SUCH = "no-such-program"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_what_a_program_writes_comes_back(tmp_path: Path) -> None:
    code = "import os, sys; os.write(1, b'\\xff' + os.getcwd().encode()); sys.stderr.write(' careful \\n')"
    output = run_tool(python(code), seconds=60, directory=tmp_path)
    assert output.data == b"\xff" + str(tmp_path).encode()
    assert output.text == f"\N{REPLACEMENT CHARACTER}{tmp_path}"
    assert output.complaint == "careful"


def test_a_program_sees_the_environment_that_it_is_given_and_no_standard_input() -> None:
    code = "import os, sys; print(os.environ['ONLY'], 'HOME' in os.environ, repr(sys.stdin.read()))"
    assert run_tool(python(code), seconds=60, environment={"ONLY": "this"}).text == "this False ''\n"


def test_a_program_that_is_missing_is_a_usage_error_that_says_how_to_get_it() -> None:
    with pytest.raises(MissingTool, match=f"`{NO_SUCH}` is not on this machine") as missing:
        run_tool([NO_SUCH], seconds=60, doing="trying", install="apt-get install it")
    assert (missing.value.context.doing, missing.value.context.hint) == ("trying", "apt-get install it")
    assert missing_tool(NO_SUCH).context.hint == "hil doctor --fix"


def test_a_program_that_may_not_be_run_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "plain").touch(mode=0o644)
    with pytest.raises(MissingTool, match="cannot be started: Permission denied"):
        run_tool([tmp_path / "plain"], seconds=60)


def test_a_directory_that_is_missing_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no directory .*nowhere") as refused:
        run_tool(["true"], seconds=60, directory=tmp_path / "nowhere")
    assert not isinstance(refused.value, MissingTool)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_that_fails_is_quoted_with_its_last_lines(stream: str) -> None:
    lines = [f"line {number}" for number in range(TAIL_LINES + 5)]
    code = f"import sys; sys.{stream}.write({chr(10).join(lines)!r}); sys.exit(3)"
    with pytest.raises(ToolFailed, match="failed with status 3") as failed:
        run_tool(python(code), seconds=60, hint="try another")
    assert failed.value.context.console == tuple(lines[-TAIL_LINES:])
    assert failed.value.said == "\n".join(lines[-TAIL_LINES:])
    assert failed.value.context.hint == "try another"


def test_a_failure_is_of_the_class_that_the_caller_asked_for() -> None:
    for seconds, code in ((60, "raise SystemExit(1)"), (0.5, "import time; time.sleep(60)")):
        with pytest.raises(CorruptDownload):
            run_tool(python(code), seconds=seconds, failed=CorruptDownload)


def test_a_program_that_takes_too_long_is_ended_and_named() -> None:
    started = time.monotonic()
    with pytest.raises(ToolTimeout, match=r"did not finish within 0\.5 s") as late:
        run_tool(python("import sys, time; print('so far', flush=True); time.sleep(60)"), seconds=0.5)
    assert time.monotonic() - started < 30
    assert not isinstance(late.value, ToolFailed)


@pytest.mark.parametrize("command", [[NO_SUCH], ["false"], ["sleep", "60"]])
def test_a_question_that_nobody_answers_is_no_error(command: list[str]) -> None:
    assert ask_tool(command, seconds=0.5) is None


def test_a_question_has_an_answer(tmp_path: Path) -> None:
    assert ask_tool(["pwd"], seconds=60, directory=tmp_path) == f"{tmp_path}\n"
