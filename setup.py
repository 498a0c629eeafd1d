"""Takes the firmware's headers that Python reads along into the package. All else is in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HEADERS = (
    "baremetal/agent_abi.h",
    "engine/include/engine_abi.h",
    "linux/acpi/guest_map.h",
    "service/include/vtpm_abi.h",
)


class BuildWithHeaders(build_py):
    """Puts each header where `hil.headers` looks for it when there is no checkout."""

    def run(self) -> None:
        """Build as ever, then copy."""
        super().run()
        if self.editable_mode:
            return
        for header in HEADERS:
            copy = Path(self.build_lib, "hil", "firmware", header)
            copy.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(Path("firmware", header)), str(copy))


setup(cmdclass={"build_py": BuildWithHeaders})
