"""A page as a browser would take it apart."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=alert(1)>&amp;"
"""Text that wants to be markup."""


class Parsed(HTMLParser):
    """Elements with their attributes, text outside of scripts, and the embedded documents by their id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.embedded: dict[str, Any] = {}
        self.text = ""
        self._inside: tuple[str, str] = ("", "")
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = (tag, dict(attrs).get("id") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._inside = ("", "")

    def handle_data(self, data: str) -> None:
        tag, name = self._inside
        if tag == "script" and name:
            self.embedded[name] = json.loads(data)
        elif tag not in {"script", "style"}:
            self.text += data
