"""The engine image under test, and a fresh engine process per test."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.target.tpm import Tpm
from tests.engine.engine_process import EngineProcess, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def engine_image() -> Path:
    """The engine.bin of the last build, or the one that HIL_ENGINE names."""
    image = Path(os.environ.get("HIL_ENGINE", CHECKOUT / "build/qemu-virt/engine.bin"))
    if not image.exists():
        pytest.fail(f"{image} does not exist: run `hil build` first")
    return image


@pytest.fixture(scope="session")
def engine_loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that runs the image under qemu-aarch64."""
    out = tmp_path_factory.mktemp("engine-host")
    subprocess.run(["make", "-s", "-C", CHECKOUT / "firmware/engine", "host", f"OUT={out}"], check=True, timeout=60)
    return out / "engine-host"


@pytest.fixture
def engine(engine_loader: Path, engine_image: Path, tmp_path: Path) -> Iterator[EngineProcess]:
    process = EngineProcess(engine_loader, engine_image, tmp_path / "engine.log")
    yield process
    process.close()


@pytest.fixture
def window(engine: EngineProcess) -> Window:
    """A window with a new TPM of the default profile, before its first TPM2_Startup."""
    return engine.window(0).manufacture()


@pytest.fixture
def tpm(window: Window) -> Iterator[Tpm]:
    with Tpm(window) as tpm:
        tpm.startup()
        yield tpm
