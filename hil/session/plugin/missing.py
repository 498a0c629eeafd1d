"""Says in one line which extra a suite needs, where Python shows the traceback of an import that failed."""

from __future__ import annotations

from typing import Any

import pytest

from hil.extras import explained


def pytest_exception_interact(call: pytest.CallInfo[Any], report: pytest.CollectReport | pytest.TestReport) -> None:
    """Replace what a suite that cannot be collected would show; the recorder and the terminal read it later."""
    if not (isinstance(report, pytest.CollectReport) and call.excinfo):
        return
    if missing := explained(call.excinfo.value):
        report.longrepr = f"{missing.message}; try: {missing.context.hint}"
