"""A tree of its own with the emulated board, on the firmware that is built in this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.checkout import ROOT, Checkout

if TYPE_CHECKING:
    from pathlib import Path

BUILD = ROOT / "build" / "qemu-virt"
RUN = ("run", "--board", "qemu-virt", "--no-build")


def planted(path: Path, suite: str) -> Checkout:
    """Return a tree in the empty directory `path` whose only suite this is."""
    tree = Checkout(path)
    tree.fill()
    board = (ROOT / "boards" / "qemu-virt.yaml").read_text().replace("../build", str(ROOT / "build"))
    board = board.replace("  linux_board: qemu-virt-linux\n", "")  # that one is not in this tree
    (path / "boards" / "qemu-virt.yaml").write_text(board)
    tree.suite(suite)
    return tree
