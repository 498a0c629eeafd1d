"""The whole output of all consoles of a run as one page that needs nothing else, and links that lead to its lines."""

from __future__ import annotations

import base64
import gzip
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.files import write_atomically
from hil.record.packing import packed, transcripts
from hil.report.embed import compiled_templates, content_hash, embedded
from hil.report.pagedata import anchor
from hil.report.text import visible

if TYPE_CHECKING:
    from jinja2 import Template

    from hil.record import Record

CONSOLE_FILE = "console.html"
_PAGE = Path(__file__).parent / "page"


def write_consoles(record: Record, directory: Path) -> None:
    """Write the page into the record's directory, whole."""
    write_atomically(directory / CONSOLE_FILE, console_page(record, directory).encode())


def console_page(record: Record, directory: Path) -> str:
    """Return what all consoles said, with the tests that were running; the transcripts are those in `directory`.

    The page holds the transcripts compressed and in base64, and the browser unpacks what somebody looks at: so it
    is not larger than the rest of the record.
    """
    consoles = [(f"{log.parent.name}/{log.stem}", _base64(_gzip(log))) for log in transcripts(directory)]
    script = (_PAGE / "console.js").read_text(encoding="utf-8")
    tests = gzip.compress(embedded(_tests(record)).encode(), mtime=0)
    page: str = _template().render(
        record=record,
        data=embedded({"consoles": consoles, "tests": _base64(tests)}),
        script=script,
        script_hash=content_hash(script),
        visible=visible,
    )
    return page


def _tests(record: Record) -> dict[str, list[Any]]:
    """Return by console the tests that ran while it said something: first line, last line, id, anchor."""
    found: dict[str, list[Any]] = {}
    for case in record.cases:
        for attempt in case.attempts:
            for piece in attempt.console:
                if piece.first:
                    name = f"{attempt.seat or attempt.board}/{piece.console}"
                    found.setdefault(name, []).append([piece.first, piece.last, visible(case.id), anchor(case)])
    return found


def _gzip(log: Path) -> bytes:
    if packed(log).exists():
        return packed(log).read_bytes()
    return gzip.compress(log.read_bytes(), mtime=0)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        bytecode_cache=compiled_templates(),
    )
    style = (_PAGE / file for file in ("report.css", "tables.css", "console.css"))
    environment.globals["style"] = "\n".join(file.read_text(encoding="utf-8") for file in style)
    return environment.get_template("console.html")
