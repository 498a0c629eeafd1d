"""Draws docs/pictures/layers.svg: the layers of the framework, from the contract that `make lint` proves.

.venv/bin/python -m tools.site.layers
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OUTPUT = Path("docs/pictures/layers.svg")
PACKAGE = "hil"

WIDTH, TOP, LEFT, NAMES = 920, 16, 44, 300
"""Pixels: the picture, above the first layer, left of all layers, and the column with their names."""
HEIGHT, GAP = 34, 6
"""Pixels: a layer, and between two."""

FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif"
     font-size="15" role="img" aria-label="The layers of {package}, top to bottom: {names}">
  <style>
    .ink {{ fill: #1d2733; }} .soft {{ fill: #5b6b7b; font-size: 13px; }}
    .line {{ stroke: #5b6b7b; fill: none; }} .tip {{ fill: #5b6b7b; }}
    .folder {{ fill: #e4f0fb; stroke: #5b94c8; }} .file {{ fill: #f4f7fa; stroke: #9fb0c0; }}
    @media (prefers-color-scheme: dark) {{
      .ink {{ fill: #e6edf3; }} .soft {{ fill: #9fb0c0; }} .line {{ stroke: #9fb0c0; }} .tip {{ fill: #9fb0c0; }}
      .folder {{ fill: #16283a; }} .file {{ fill: #161d26; stroke: #45566a; }}
    }}
  </style>
  <defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">
    <path class="tip" d="M0 0 L10 5 L0 10 z"/></marker></defs>
  <path class="line" d="M22 {top} L22 {bottom}" marker-end="url(#tip)"/>
{layers}
  <text class="soft" x="10" y="{legend}">Imports go down only. Names with · between them do not import each other. \
Inside a layer, imports go along →.</text>
  <text class="soft" x="10" y="{colours}">Blue: folders of {package}/. Grey: files.</text>
</svg>
"""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: modules that do not import each other, and the rooms of those that have a contract of their own."""

    modules: tuple[str, ...]
    rooms: tuple[tuple[str, ...], ...]
    is_folder: bool


def layers(root: Path) -> list[Layer]:
    """Return the layers of the tree at `root`, top to bottom, from `[tool.importlinter]` in its pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    inside = {
        container.removeprefix(f"{PACKAGE}."): _rows(contract)
        for contract in contracts
        if contract["type"] == "layers"
        for container in contract["containers"]
    } | {
        module.removeprefix(f"{PACKAGE}.").removesuffix(".*"): (_children(root, module),)
        for contract in contracts
        if contract["type"] == "independence"
        for module in contract["modules"]
        if module.endswith(".*")
    }
    return [
        Layer(
            modules,
            tuple(row for module in modules for row in inside.get(module, ())),
            all((root / PACKAGE / module).is_dir() for module in modules),
        )
        for modules in inside[PACKAGE]
    ]


def picture(root: Path) -> str:
    """Return the picture as SVG. It is the same as long as the contract is."""
    found = layers(root)
    bottom = TOP + len(found) * (HEIGHT + GAP) - GAP
    return FRAME.format(
        width=WIDTH,
        height=bottom + 62,
        package=PACKAGE,
        names="; ".join(", ".join(layer.modules) for layer in found),
        top=TOP,
        bottom=bottom,
        layers="\n".join(_drawn(layer, TOP + at * (HEIGHT + GAP)) for at, layer in enumerate(found)),
        legend=bottom + 26,
        colours=bottom + 46,
    )


def _drawn(layer: Layer, top: int) -> str:
    kind, baseline = "folder" if layer.is_folder else "file", top + 22
    rooms = " → ".join(" · ".join(row) for row in layer.rooms)
    return (
        f'  <rect class="{kind}" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - 10}" height="{HEIGHT}" rx="6"/>'
        f'<text class="ink" x="{LEFT + 14}" y="{baseline}" font-weight="600">{" · ".join(layer.modules)}</text>'
        + (f'<text class="soft" x="{LEFT + NAMES}" y="{baseline}">{rooms}</text>' if rooms else "")
    )


def _rows(contract: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(name.strip() for name in row.split("|")) for row in contract["layers"])


def _children(root: Path, wildcard: str) -> tuple[str, ...]:
    """Return the modules that `PACKAGE.FOLDER.*` stands for."""
    folder = root.joinpath(*wildcard.removesuffix(".*").split("."))
    files = {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}
    return tuple(sorted(files | {path.parent.name for path in folder.glob("*/__init__.py")}))


def main() -> None:
    """Write the picture."""
    (ROOT / OUTPUT).write_text(picture(ROOT), encoding="utf-8")


if __name__ == "__main__":
    main()
