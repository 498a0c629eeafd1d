"""What pages are made with: data and scripts that nothing in them can end, and templates that are compiled once."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

from hil.errors import UsageError
from hil.paths import cache_root

if TYPE_CHECKING:
    from jinja2 import BytecodeCache


def embedded(value: Any) -> str:
    """JSON that can stand inside a script element: nothing in it can end that element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def packed(value: Any) -> str:
    """JSON, compressed and in base64, for what is most of a page; `load.js` unpacks it."""
    return base64.b64encode(gzip.compress(embedded(value).encode(errors="backslashreplace"), mtime=0)).decode()


def content_hash(text: str) -> str:
    """Return the source expression of Content Security Policy (CSP3, 2.3.1) that allows just this inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def compiled_templates() -> BytecodeCache | None:
    """Return where the compiled template is kept, which takes longer to compile than to fill; None without a place."""
    from jinja2 import FileSystemBytecodeCache

    with contextlib.suppress(UsageError, OSError):
        directory = cache_root() / "templates"
        directory.mkdir(parents=True, exist_ok=True)
        return FileSystemBytecodeCache(str(directory))
    return None
