"""Blocks are found wherever and however they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs import blocks

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
# Title

    make all   # indented

<!-- not run: hardware -->
```sh
hil flash
hil run
```

```
hil lab up
```

<!-- file: suites/a.py -->
```python
pass
```

- a list
    that goes on
"""


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[blocks.Block]:
    monkeypatch.setattr(blocks, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    return blocks.blocks_of(page)


def test_every_block_is_found_with_its_place_and_its_mark(found: list[blocks.Block]) -> None:
    assert [(one.place, one.language, one.text, one.not_run, one.file) for one in found] == [
        ("page.md:3", None, "make all   # indented\n", "", ""),
        ("page.md:6", "sh", "hil flash\nhil run\n", "hardware", ""),
        ("page.md:11", "", "hil lab up\n", "", ""),
        ("page.md:16", "python", "pass\n", "", "suites/a.py"),
    ]


def test_commands_are_known_also_where_nobody_says_so(found: list[blocks.Block]) -> None:
    assert [one.has_commands for one in found] == [True, True, True, False]
