"""Marks the columns of tables that hold sentences, so that a narrow screen does not squeeze them to a word a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from markdown import Markdown

SENTENCE = 40
"""Characters from which on a cell holds more than a name. The style sheet gives such a column its least width."""
MARK = "prose"
AFTER_INLINE = 5
"""Priority of what runs when the text of cells is in its place: Markdown's own processor for it has 20."""


class Columns(Extension):  # type: ignore[misc]
    """An extension of Markdown, to be named in mkdocs.yml."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - their name
        """Run after all that makes tables and fills their cells."""
        md.treeprocessors.register(_Marks(md), "columns", AFTER_INLINE)


class _Marks(Treeprocessor):  # type: ignore[misc]
    def run(self, root: Element) -> None:
        """Mark the heads of columns, which give the columns their width."""
        for table in root.iter("table"):
            rows = [list(row) for row in table.iter("tr")]
            for head, *cells in zip(*rows, strict=False):
                if any(len("".join(cell.itertext())) >= SENTENCE for cell in cells):
                    head.set("class", MARK)


def makeExtension(**options: Any) -> Columns:  # noqa: N802 - their name
    """Return the extension; this is what Markdown calls."""
    return Columns(**options)
