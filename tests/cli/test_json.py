"""What a program reads is one JSON document with the keys that docs/json.md names, and nothing else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hil.firmware.firmware import Artifact, Firmware
from hil.manifest import GitState
from tests.cli.checkout import BOARD, ROOT
from tests.cli.test_commands import hil

if TYPE_CHECKING:
    import pytest

    from tests.cli.checkout import Checkout

TABLE = re.findall(r"^\| `(hil [^|]*)` \| [^|]* \| (.*) \|$", (ROOT / "docs" / "json.md").read_text(), re.MULTILINE)
DOCUMENTED = {command: set(re.findall(r"`(\w+)`", keys)) for command, keys in TABLE}
TRIED = {
    "hil run": ("run", "--board", "fake-board", "--json"),
    "hil report": ("report", "--json"),
    "hil report --history": ("report", "--history", "--json"),
    "hil boards": ("boards", "--json"),
    "hil boards --check": ("boards", "--check", "--json", "broken"),
    "hil boards --keys": ("boards", "--keys", "--json"),
    "hil doctor": ("doctor", "--json"),
}


def first(document: Any) -> dict[str, Any]:
    """Return what has the keys: the document, or the first of a list in it."""
    if isinstance(document, list):
        return first(document[0])
    return (
        first(next(iter(document.values()))) if "file" in document and isinstance(document["file"], list) else document
    )


def test_the_documents_have_the_keys_that_are_documented(checkout: Checkout) -> None:
    for command, words in TRIED.items():
        if "broken" in words:
            (checkout.path / "boards" / "broken.yaml").write_text(
                BOARD.replace("kind:", "kin:").replace("boot_", "bot_")
            )
        done = checkout.hil(*words)
        keys = set(first(json.loads(done.stdout)))
        assert keys >= DOCUMENTED[command], command
        assert keys == DOCUMENTED[command] or DOCUMENTED[command] == {"schema"}, command


def test_a_manifest_has_the_keys_that_are_documented(checkout: Checkout) -> None:
    image = checkout.path / "flash.bin"
    image.write_bytes(b"x")
    Firmware("p", {"flash.bin": Artifact.from_file(image)}, {}, {}, GitState("", False)).manifest().write(checkout.path)
    assert json.loads((checkout.path / "manifest.json").read_text()).keys() == DOCUMENTED["hil build"]


def test_an_error_leaves_standard_output_empty(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout.path / "boards" / "fake-board.yaml").write_text("targets: [")
    for words in (("boards",), ("run", "--board", "nosuch"), ("report",), ("flash", "--board", "x"), ("lab", "status")):
        assert hil(monkeypatch, *words, "--json") == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("error: ")
