"""Makes pytest's own `--junitxml` tell faults of the lab from findings, as our reports do."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

# pytest calls every failure in the body of a test a `<failure>`, and has no hook to change that. pyproject.toml bounds
# the version; `make test-next` tries the next one.
from _pytest.junitxml import bin_xml_escape, xml_key

from hil.session.plugin.terminal import FLAKY, category_of


class JunitXmlErrors:
    """pytest plugin that changes what pytest writes to the file of `--junitxml` of a test that was not carried out."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Have a failure that is no finding written as `<error>`, in whichever phase it happened."""
        category = category_of(report)
        xml = self._config.stash.get(xml_key, None)
        if xml is None or not report.failed or report.when != "call" or category in {"", FLAKY}:
            return
        reporter = xml.node_reporter(report)
        vars(reporter)["append_failure"] = partial(_append_error, reporter, category)


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin, which needs to know the session."""
    config.pluginmanager.register(JunitXmlErrors(config), "hil-junitxml")


def _append_error(reporter: Any, category: str, report: pytest.TestReport) -> None:
    crash = getattr(report.longrepr, "reprcrash", None)
    message = (crash.message if crash else str(report.longrepr)).partition("\n")[0]
    reporter._add_simple("error", bin_xml_escape(f"{category}: {message}"), str(report.longrepr))
