"""Compares the build ids that a board announces at boot with those of the images that it should run.

A note says what was flashed, but the card may have been changed since, or the board may boot from another medium.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hil.board.strategy.scanner import LineScanner
from hil.buildid import READY, announcement, with_build_id
from hil.deadline import Deadline
from hil.errors import WrongFirmware
from hil.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from hil.record.transcript import Transcript, TranscriptLine

LINE_END_SECONDS = 2.0
"""How long the rest of a line may take whose beginning was a banner; at 9600 baud a line takes 0.1 s."""


def expected_builds(images: Iterable[Path]) -> dict[str, frozenset[str]]:
    """Return the build ids that each part may announce: those in the manifests beside `images`.

    Empty for images without a manifest, or with one that names no build ids: then nothing can be compared.
    """
    found: dict[str, set[str]] = {}
    for image in {image.parent: image for image in images}.values():
        manifest = Manifest.beside(image)
        for part, build_id in (manifest.build_ids if manifest else {}).items():
            found.setdefault(part, set()).add(build_id)
    return {part: frozenset(ids) for part, ids in found.items()}


class BuildWatch:
    """Listens on all lines of a board for the build ids that it announces; `expected` are those of its images."""

    def __init__(self, transcripts: Mapping[str, Transcript], expected: Mapping[str, frozenset[str]]) -> None:
        self._expected = expected
        self.announced: dict[str, str] = {}
        self._unfinished: set[str] = set()
        self._changed = threading.Condition()
        self._scanners: list[LineScanner] = []
        for uart, transcript in transcripts.items():
            transcript.listen(self._listener(uart))

    def started(self) -> None:
        """Forget what was announced: the board starts anew."""
        with self._changed:
            self.announced = {}
            self._unfinished = set()
            for scanner in self._scanners:
                scanner.reset()

    def compare(self) -> None:
        """Raise `WrongFirmware` if a part announced itself, and not with a build id that is expected of it."""
        deadline = Deadline.after(LINE_END_SECONDS)
        with self._changed:
            while self._unfinished and not deadline.expired:
                self._changed.wait(deadline.remaining)
            announced = dict(self.announced)
        for part, build_id in announced.items():
            wanted = self._expected.get(part)
            if wanted and build_id not in wanted:
                runs = f"build {build_id} of the {part}" if build_id else f"a {part} that announces no build id"
                raise WrongFirmware(
                    f"the board runs {runs}, but its images are of build {' or '.join(sorted(wanted))}",
                    hint="was the card changed, or does the board boot from another medium? hil flash --force",
                )

    def _listener(self, uart: str) -> Callable[..., None]:
        scanner = LineScanner([*READY.values(), *(with_build_id(ready) for ready in READY.values())])
        self._scanners.append(scanner)

        def listen(line: TranscriptLine, *, complete: bool) -> None:
            sightings = scanner.scan(line, complete=complete)
            unfinished = announcement(scanner.rest)
            with self._changed:
                for found in filter(None, (announcement(sighting.text) for sighting in sightings)):
                    if found.build_id or not self.announced.get(found.part):
                        self.announced[found.part] = found.build_id
                if unfinished and not unfinished.build_id:
                    self._unfinished.add(uart)
                else:
                    self._unfinished.discard(uart)
                self._changed.notify_all()

        return listen
