"""Tables of every command can be read on narrow terminals: no word is cut, and nothing runs over the edge."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from hil.fittedtable import FittedTable

LONG = "the board file is not filled in: <adapter at the controller> is not what udev calls a serial adapter"
WIDE = 160


def shown(width: int, *, terminal: bool = True) -> str:
    table = FittedTable("board", "kind", "state", "holder", "health", "seconds", right=["seconds"])
    table.add_row("qemu-virt-linux", "emulator", "free", "", Text("good", "green"), "0")
    table.add_row("juno", "board", "unavailable", "somebody@a-machine.example", LONG, "12.5")
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=terminal,
        color_system=None,
        highlight=False,
        soft_wrap=True,
        legacy_windows=False,
    )
    console.print(table)
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 125])
def test_no_word_is_cut_on_a_narrow_terminal(width: int) -> None:
    text = shown(width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text
    for word in (*LONG.split(), "qemu-virt-linux", "unavailable", "somebody@a-machine.example", "12.5"):
        assert word in text.split() or word in text


def test_what_fits_is_a_table_and_a_pipe_has_room_for_everything() -> None:
    rows = [line for line in shown(len(LONG) + 100).splitlines() if line.strip()]
    assert len(rows) == 4
    assert LONG in rows[-1]
    assert [line.rstrip() for line in shown(40, terminal=False).splitlines()] == [
        line.rstrip() for line in shown(len(LONG) + 100).splitlines()
    ]


def test_a_list_leaves_out_what_says_nothing() -> None:
    text = shown(60)
    free = text[text.index("qemu-virt-linux") : text.index("juno")]
    assert "holder" not in free
    assert "seconds" not in free


def test_a_table_without_rows_is_one_on_any_terminal() -> None:
    out = io.StringIO()
    Console(file=out, width=10, force_terminal=True, color_system=None).print(FittedTable("board", "state", "health"))
    assert out.getvalue().strip()
