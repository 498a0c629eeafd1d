"""The web application: an overview, runs as they go on, the reports of those that ended, and their history."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from hil.errors import HilError, UsageError
from hil.operations.serve.guard import REPORT, Guard
from hil.operations.serve.overview import Overview, killed
from hil.operations.serve.tail import RunTail, Update
from hil.record import Verdict, load
from hil.record.packing import LOG, packed
from hil.report.consolepage import CONSOLE_FILE, console_page
from hil.report.history import history
from hil.report.html import HTML_FILE, html
from hil.report.pages import REPORT_STYLE, history_page
from hil.report.runs import Runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator

    from starlette.requests import Request

    from hil.record import Record

    Boards = Callable[[], list[dict[str, Any]]]
    """Returns the status of all boards, as `hil boards --json` prints it; may take seconds."""

LOOK_SECONDS = 0.5
"""The interval at which files are read for a browser that watches."""
BOARDS_SECONDS = 10.0
"""How long the status of boards is cached: reading it disturbs nobody, but takes time."""
QUIET_SECONDS = 15.0
"""After so long without an update a comment is sent, so that a broken connection is noticed."""
UNPACKED_BYTES = 256 * 1024
HISTORY_RUNS = 30

_SENT = ("name", "description", "places", "trouble", "runner", "last_run")
"""The fields of a board that browsers get: its status, but not its addresses."""

_PAGE = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "text/plain",
    ".log": "text/plain",
    ".xml": "text/xml",
    ".info": "text/plain",
    ".txt": "text/plain",
    ".csv": "text/plain",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
"""The kinds of files of a run that are served; all others stay on this machine."""


def application(reports: Path, boards: Boards, names: Collection[str] = ()) -> Starlette:
    """Return the application over the runs in `reports`; `names` are names of this server."""
    pages = _Pages(reports, boards)
    return Starlette(
        routes=[
            Route("/", pages.static("overview.html", "text/html")),
            Route("/overview.js", pages.static("overview.js", "text/javascript")),
            Route("/run.js", pages.static("run.js", "text/javascript")),
            Route("/style.css", pages.style),
            Route("/stream", pages.overview_stream),
            Route("/history", pages.history),
            Route("/runs/{run}/", pages.run),
            Route("/runs/{run}/stream", pages.run_stream),
            Route("/runs/{run}/{file:path}", pages.file),
        ],
        middleware=[Middleware(Guard, names=names)],
    )


class _Pages:
    def __init__(self, reports: Path, boards: Boards) -> None:
        self._reports = reports
        self._overview = Overview(reports)
        self._ask_boards = boards
        self._boards: dict[str, Any] = {}
        self._boards_until = 0.0
        self._asking = asyncio.Lock()

    def static(self, name: str, kind: str) -> Callable[[Request], Response]:
        content = (_PAGE / name).read_bytes()

        def answer(_: Request) -> Response:
            return Response(content, media_type=kind)

        return answer

    def style(self, _: Request) -> Response:
        return Response(REPORT_STYLE.read_bytes() + (_PAGE / "serve.css").read_bytes(), media_type="text/css")

    async def overview_stream(self, _: Request) -> Response:
        told = ""

        async def look() -> tuple[list[str], bool]:
            nonlocal told
            boards, runs = await self._boards_now(), await run_in_threadpool(self._overview.runs)
            before, told = told, _message("overview", {**boards, "runs": runs})
            return [told] if told != before else [], False

        return _stream(look)

    def history(self, request: Request) -> Response:
        wanted = {name: request.query_params.get(name, "") for name in ("board", "label")}
        found = history(self._reports, HISTORY_RUNS, **wanted)
        return HTMLResponse(history_page(found, runs_at="/runs/"), headers={"Content-Security-Policy": REPORT})

    def run(self, request: Request) -> Response:
        """Serve the report of a run that has ended, else the page that follows it."""
        if (self._directory(request) / HTML_FILE).is_file():
            return RedirectResponse(HTML_FILE)
        return Response((_PAGE / "run.html").read_bytes(), media_type="text/html")

    async def run_stream(self, request: Request) -> Response:
        directory = self._directory(request)
        tail = RunTail(directory)

        async def look() -> tuple[list[str], bool]:
            nobody_writes = await run_in_threadpool(killed, directory)  # so the files are complete
            updates = await run_in_threadpool(tail.updates)
            if nobody_writes and not updates:
                updates = [await run_in_threadpool(_end_of_killed, directory)]
            return [_message(update.kind, update.data) for update in updates], any(
                update.kind == "finished" for update in updates
            )

        return _stream(look)

    def file(self, request: Request) -> Response:
        directory = self._directory(request).resolve()
        try:
            path = (directory / request.path_params["file"]).resolve()
            found = path.is_relative_to(directory) and path.is_file()
        except (OSError, ValueError):
            raise HTTPException(404) from None
        if not found and path == directory / HTML_FILE and killed(directory):  # nobody is left to write it
            return HTMLResponse(_page_of(directory, html), headers={"Content-Security-Policy": REPORT})
        if not found and path == directory / CONSOLE_FILE:  # of a killed or an older run
            return HTMLResponse(_page_of(directory, console_page), headers={"Content-Security-Policy": REPORT})
        if not found and path.suffix == LOG and (whole := packed(path)).is_file() and not whole.is_symlink():
            return StreamingResponse(_unpacked(whole), media_type=_TYPES[LOG])
        if not found or path.suffix not in _TYPES or path.name.startswith("."):
            raise HTTPException(404)
        headers = {"Content-Security-Policy": REPORT} if path.suffix == ".html" else {}
        return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)

    def _directory(self, request: Request) -> Path:
        """Return the directory of the requested run, which must be in the list: no path leads anywhere else."""
        wanted = request.path_params["run"]
        found = next((path for path in Runs(self._reports).paths() if path.name == wanted), None)
        if found is None:
            raise HTTPException(404)
        return found

    async def _boards_now(self) -> dict[str, Any]:
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now >= self._boards_until:
                self._boards = await run_in_threadpool(self._read_boards)
                self._boards_until = asyncio.get_running_loop().time() + BOARDS_SECONDS
        return self._boards

    def _read_boards(self) -> dict[str, Any]:
        try:
            return {"boards": [{name: board[name] for name in _SENT} for board in self._ask_boards()]}
        except HilError as error:
            return {"boards": [], "trouble": error.message}


def _end_of_killed(directory: Path) -> Update:
    """Return the last update on a run that was killed, with the counts of its record, which every view shows."""
    try:
        record = load(directory)
    except UsageError:
        return Update("finished", {"verdict": Verdict.KILLED.value})
    counts = {name: number for name, number in asdict(record.counts).items() if number}
    return Update("finished", {"verdict": record.verdict.value, "counts": counts})


def _page_of(directory: Path, page: Callable[[Record, Path], str]) -> str:
    try:
        return page(load(directory), directory)
    except UsageError as error:
        raise HTTPException(404, error.message) from None


def _unpacked(file: Path) -> Iterator[bytes]:
    """Yield the content of a packed file in pieces: it may unpack to more than fits into memory."""
    with gzip.open(file) as content:
        while piece := content.read(UNPACKED_BYTES):
            yield piece


def _message(kind: str, data: dict[str, Any]) -> str:
    """Return a server-sent event (HTML standard, 9.2.5). JSON has no line breaks, which would end it early."""
    return f"event: {kind}\ndata: {json.dumps(data, default=str)}\n\n"


def _stream(look: Callable[[], Awaitable[tuple[list[str], bool]]]) -> Response:
    """Stream the messages that `look` returns, called at intervals, until it returns the last ones."""

    async def updates() -> AsyncIterator[str]:
        quiet = 0.0
        over = False
        while not over:
            messages, over = await look()
            if not messages and quiet >= QUIET_SECONDS:
                messages = [":\n\n"]
            for message in messages:
                yield message
            quiet = 0.0 if messages else quiet + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)

    return StreamingResponse(updates(), media_type="text/event-stream")
