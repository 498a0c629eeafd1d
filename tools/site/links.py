"""Links that hold in the tree and in the site: where the pages of the tree are in the site."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DOCS = "docs/"
HOME = "README.md"
HOME_PAGE = "index.md"

_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
_HEADING = re.compile(r"^# (?P<text>.+)$", re.MULTILINE)
_ELSEWHERE = re.compile(r"^[a-z]+:")


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of the tree at `root`: those in docs/, and `others` by their paths in the tree."""

    root: Path
    others: dict[str, str]

    @classmethod
    def of(cls, root: Path) -> Pages:
        """Find the pages beside the code that they describe."""
        found = {path.relative_to(root).as_posix() for path in root.glob("firmware/**/README.md")}
        found |= {"CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}
        return cls(root, {path: f"inside/{_page_name(path)}" for path in sorted(found)})

    def in_site(self, path: str) -> str | None:
        """Return the page that shows a file of the tree; None when none does."""
        if path == HOME:
            return HOME_PAGE
        if path.startswith(DOCS):
            return path.removeprefix(DOCS)
        return self.others.get(path)

    def rewritten(self, text: str, path: str) -> str:
        """Return the Markdown of the file at `path` with links that hold in the site.

        A page that is called by the name of its file gets its title, as readers of the site see no files. For what the
        site does not show, the text has its path. A link that leads nowhere stays, for mkdocs to complain about.
        """
        here = self.in_site(path) or path

        def rewrite(link: re.Match[str]) -> str:
            if _ELSEWHERE.match(link["target"]):
                return link[0]
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link["target"]))
            page = self.in_site(target)
            if page is not None:
                relative = posixpath.relpath(page, posixpath.dirname(here) or ".")
                text = self._title(target) if link["text"] == posixpath.basename(target) else link["text"]
                return f"{link['picture']}[{text}]({relative}{link['anchor'] or ''})"
            if not (self.root / target).exists():
                return link[0]
            return f"`{target}`" if target.endswith(link["text"].strip("`")) else f"{link['text']} (`{target}`)"

        return _LINK.sub(rewrite, text)

    def _title(self, path: str) -> str:
        """Return the first heading of a page of the tree; its name when it is not there or has none."""
        file = self.root / path
        heading = _HEADING.search(file.read_text(encoding="utf-8")) if file.is_file() else None
        return heading["text"] if heading else posixpath.basename(path)


def _page_name(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder.replace('/', '-')}.md" if name == "README.md" else name.lower()
