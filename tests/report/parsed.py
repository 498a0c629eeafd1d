"""A page as a browser would take it apart."""

from __future__ import annotations

import base64
import gzip
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
        self._inside: tuple[str, str, str] = ("", "", "")
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = (tag, dict(attrs).get("id") or "", dict(attrs).get("type") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._inside = ("", "", "")

    def handle_data(self, data: str) -> None:
        tag, name, _ = self._inside
        if tag == "script" and name:
            self.embedded[name] = self._document(data)
        elif tag not in {"script", "style"}:
            self.text += data

    def _document(self, data: str) -> Any:
        match self._inside[2]:
            case "application/json":
                return json.loads(data)
            case "application/gzip":
                return json.loads(gzip.decompress(base64.b64decode(data)))
            case _:
                return data
