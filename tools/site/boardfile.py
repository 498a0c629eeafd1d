"""The keys of board files as a page, from what checks them."""

from __future__ import annotations

from hil.operations.describe.keys import reference
from tools.site.markup import escaped, table

TITLES = {
    "file": "The file",
    "target": "The target `main`",
    "entry": "Each resource and driver",
    "options": "`options`",
    "features": "`features`",
}


def page() -> str:
    """Return Markdown about every key of a board file, and every attribute of our drivers."""
    sections = [
        f"## {TITLES.get(part, f'`{part}`')}\n\n"
        + table(
            ("key", "holds", "meaning"),
            [(f"`{key.name}`{' (required)' if key.required else ''}", escaped(key.kind), key.meaning) for key in keys],
        )
        for part, keys in reference().items()
    ]
    intro = (
        "A board is one file in `boards/`: a labgrid environment, of which `hil` reads some more. `hil boards` checks "
        "it, and says line, key and the nearest name where something is wrong."
    )
    return "\n\n".join(["# Board files", intro, *sections, ""])
