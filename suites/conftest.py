"""What suites of several folders start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

if TYPE_CHECKING:
    from hil.fixtures import Board


class FindSymbol(Protocol):
    """Returns where a symbol of the firmware under test lies: an address at EL3."""

    def __call__(self, name: str, file: str = "bl31.elf") -> int:
        """`file` is an ELF file that the build left beside the board's images."""


@pytest.fixture
def build_folder(board: Board) -> Path:
    """Where the firmware under test was built; it has the name of its platform."""
    config = board.target.env.config
    images = [Path(config.get_image_path(image)) for image in config.data.get("images", {})]
    for folder in (folder for image in images for folder in image.parents[:2]):
        if (folder / "bl31.elf").is_file():
            return folder
    pytest.skip("the images of this board do not come from a build of ours")


@pytest.fixture
def symbol(build_folder: Path) -> FindSymbol:
    """Where things lie in the firmware under test."""

    def find(name: str, file: str = "bl31.elf") -> int:
        with (build_folder / file).open("rb") as stream:
            symbols = ELFFile(stream).get_section_by_name(".symtab")
            assert isinstance(symbols, SymbolTableSection)
            found = symbols.get_symbol_by_name(name)
            assert found, f"{file} has no symbol {name}"
            return int(found[0]["st_value"])

    return find
