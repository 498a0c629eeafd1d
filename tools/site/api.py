"""The API reference: a page for each public module, from its docstrings."""

from __future__ import annotations

import importlib

from tools.site.markup import table

SECTION = "API"
"""Where the pages stand in the navigation, after those that mkdocs.yml names there."""

MODULES = (
    "hil.target.vtpm",
    "hil.target.vtpm.abi",
    "hil.target.vtpm.queue",
    "hil.target.vtpm.transport",
    "hil.target.tpm",
    "hil.target.tpm.commands",
    "hil.target.tpm.key",
    "hil.target.tpm.quote",
    "hil.target.monitor",
    "hil.linux",
    "hil.linux.device",
    "hil.linux.tpmtools",
    "hil.board.ssh",
    "hil.board.ssh.errors",
    "hil.drivers",
    "hil.strategies",
    "hil.record",
    "hil.firmware",
    "hil.deadline",
    "hil.errors",
    "hil.headers",
)
"""What users' suites, drivers and programs may import, in the order of the reference."""


OVERVIEW = "api/index.md"


def overview() -> str:
    """Return Markdown about all modules, with the first line of what each says of itself."""
    rows = [
        (f"[`{module}`]({module}.md)", (importlib.import_module(module).__doc__ or "").partition("\n")[0])
        for module in MODULES
    ]
    intro = "What suites, drivers and programs of yours may import. Everything else may change in any version."
    return "\n\n".join(["# API", intro, table(("module", "holds"), rows), ""])


def page_name(module: str) -> str:
    """Return the page of the site about a module."""
    return f"api/{module}.md"


def page(module: str) -> str:
    """Return Markdown about a module, with the place that `mkdocstrings` fills with its docstrings."""
    # A word in a title counts a thousand times, and here every name is one; pages that explain it should come first.
    return f"---\nsearch: {{ boost: 0.001 }}\n---\n\n# `{module}`\n\n::: {module}\n"
