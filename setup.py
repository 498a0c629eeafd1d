"""Takes along what lies outside of the package: headers that Python reads, and boards that new ones are made after."""

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


class BuildWithFiles(build_py):
    """Puts each file where `hil.headers` and `hil.new` look for it when there is no checkout."""

    def run(self) -> None:
        """Build as ever, then copy."""
        super().run()
        if self.editable_mode:
            return
        for header in HEADERS:
            self._take(Path("firmware", header), Path("firmware", header))
        for board in Path("boards").glob("*.yaml"):
            self._take(board, Path("new", board))

    def _take(self, file: Path, place: Path) -> None:
        copy = Path(self.build_lib, "hil", place)
        copy.parent.mkdir(parents=True, exist_ok=True)
        self.copy_file(str(file), str(copy))


setup(cmdclass={"build_py": BuildWithFiles})
