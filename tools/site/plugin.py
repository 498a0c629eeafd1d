"""The fixtures and markers of our pytest plugin as a page, from the plugin itself."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from hil.session import plugin
from hil.session.plugin.markers import NEEDS
from tools.site.markup import table


def page() -> str:
    """Return Markdown about every fixture with its scope, and every marker."""
    fixtures = [_row(name, fixture) for module in plugin.pytest_plugins for name, fixture in _fixtures(module)]
    needs = [
        (f"`needs_{name}`", f"{need.meaning}: feature `{need.feature}`{f' is `{need.value}`' if need.value else ''}")
        for name, need in NEEDS.items()
    ]
    return "\n\n".join(
        [
            "# Fixtures and markers",
            "What they are for is in [Writing and running suites](suites.md).",
            "## Fixtures",
            table(("fixture", "scope", "is"), fixtures),
            "## Markers for what a board must have",
            'A test is skipped on a board without. With `@pytest.mark.fails_without("NAME")` it runs, and has to fail.',
            table(("marker", "the board has"), needs),
            "",
        ]
    )


def _fixtures(module: str) -> list[tuple[str, Any]]:
    """Name and definition of each fixture of a module, in its order."""
    return [
        (name, thing)
        for name, thing in vars(importlib.import_module(module)).items()
        if type(thing).__name__ == "FixtureFunctionDefinition"
    ]


def _row(name: str, fixture: Any) -> tuple[str, str, str]:
    function = fixture._get_wrapped_function()
    text = inspect.cleandoc(function.__doc__ or "").replace("\n", " ")
    return f"`{name}`", fixture._fixture_function_marker.scope, text
