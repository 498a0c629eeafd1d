"""Where a checkout may be: the names of files in debug information do not tell, whatever its path is."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.paths import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = """
add_define_val :=
include {vtpm}
%.o: %.S
\taarch64-linux-gnu-gcc $(ASFLAGS) -c $(abspath $<) -o $@
%.o: %.c
\taarch64-linux-gnu-gcc $(TF_CFLAGS) -c $(abspath $<) -o $@
"""


@pytest.mark.parametrize("source", ["part.S", "part.c"])
def test_a_service_built_below_a_comma_names_its_files_from_the_root(tmp_path: Path, source: str) -> None:
    tree = tmp_path / "tree,of,mine"
    tree.mkdir()
    (tree / source).write_text("nop\n" if source == "part.S" else "int part;\n")
    (tree / "Makefile").write_text(FLAGS.format(vtpm=CHECKOUT / "firmware" / "service" / "vtpm.mk"))
    subprocess.run(["make", "--silent", "part.o"], cwd=tree, check=True, timeout=60)
    content = (tree / "part.o").read_bytes()
    assert f"./{source}".encode() in content
    assert str(tmp_path).encode() not in content
