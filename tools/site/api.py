"""The API reference: a page for each public module, from its docstrings."""

from __future__ import annotations

import importlib

from hil.api import MODULES
from tools.site.markup import table

SECTION = "API"
"""Where the pages stand in the navigation, after those that mkdocs.yml names there."""
OVERVIEW = "api/index.md"


def overview() -> str:
    """Return Markdown about all modules, with the first line of what each says of itself."""
    rows = [
        (f"[`{module}`]({module}.md)", (importlib.import_module(module).__doc__ or "").partition("\n")[0])
        for module in MODULES
    ]
    intro = "What suites, drivers and programs of yours may import, under [these rules](../api.md)."
    return "\n\n".join(["# API", intro, table(("module", "holds"), rows), ""])


def page_name(module: str) -> str:
    """Return the page of the site about a module."""
    return f"api/{module}.md"


def page(module: str) -> str:
    """Return Markdown about a module, with the place that `mkdocstrings` fills with its docstrings."""
    # A word in a title counts a thousand times, and here every name is one; pages that explain it should come first.
    return f"---\nsearch: {{ boost: 0.001 }}\n---\n\n# `{module}`\n\n::: {module}\n"
