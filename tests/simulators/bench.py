"""A bench with one simulated board: SD mux, power switch, serial line, and the board file that names them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hil.board.file.boardfile import BoardFile
from hil.board.flash import FlashMemory
from hil.buildid import SERVICE
from hil.manifest import MANIFEST_SCHEMA, Manifest
from tests.simulators.board import IMAGE, SimulatedBoard, SimulatedPower, built, card_image
from tests.simulators.serial import Noise, PtyWire
from tests.simulators.storage import write_usbsdmux

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.board.strategy import BoardStrategy

CARD_BYTES = 8 << 20
BANNERS = [
    ("firmware", "BL31", "^NOTICE:  BL31: v"),
    ("firmware", "service", r"vTPM: service \d+\.\d+ ready"),
    ("monitor", "monitor", "^monitor: ready"),
]


def states(deadline: float, more: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Return the states of a strategy that knows what a `SimulatedBoard` says; `more` says more about stages."""
    plans: dict[str, Any] = {}
    for state, stage, line in BANNERS:
        plan = plans.setdefault(state, {"deadline": deadline, "banners": []})
        plan["banners"].append({"stage": stage, "uart": "monitor", "line": line, **(more or {}).get(stage, {})})
    return plans


@dataclass
class Bench:
    """What lies on the bench; `card` is always the content of the card, wherever it is plugged in."""

    directory: Path
    board: SimulatedBoard
    wire: PtyWire
    card: Path
    image: Path
    _environments: list[Any] = field(default_factory=list)

    @classmethod
    def build(cls, directory: Path, noise: Noise | None = None) -> Bench:
        """Plug everything together."""
        mux = directory / "mux"
        mux.mkdir()
        card = mux / "card"
        card.write_bytes(b"\xff" * CARD_BYTES)
        wire = PtyWire(directory / "ttyBoard", noise)

        def in_the_board() -> bytes | None:
            return card.read_bytes() if (mux / "mode").read_text().strip() == "dut" else None

        board = SimulatedBoard(wire.board, in_the_board)
        SimulatedPower.boards["bench"] = board
        bench = cls(directory, board, wire, card, directory / "card.img")
        bench.new_image()
        write_usbsdmux(directory / "usbsdmux")
        return bench

    def new_image(self, build_id: str = "") -> None:
        """Build another firmware, which announces a build id if one is given."""
        self.image.write_bytes(card_image(built(build_id) if build_id else IMAGE, 3 << 20))
        ids = {SERVICE: build_id} if build_id else {}
        Manifest(schema=MANIFEST_SCHEMA, build_ids=ids).write(self.image.parent)

    def board_file(
        self,
        path: Path,
        *,
        deadline: float = 20.0,
        flashers: Sequence[str] = ("USBSDMuxDriver", "CardFlasher"),
        board: Mapping[str, Any] | None = None,
        uart: Mapping[str, Any] | None = None,
        banners: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Path:
        """Write the board's file; `board` and `uart` are attributes of its drivers, `banners` of stages."""
        flashing = {"USBSDMuxDriver": {}, "CardFlasher": {"image": "card", "largest": 1}}
        content = {
            "imports": ["hil.drivers", "hil.strategies", "tests.simulators.storage", "tests.simulators.board"],
            "tools": {"usbsdmux": str(self.directory / "usbsdmux")},
            "images": {"card": str(self.image)},
            "options": {"kind": "board"},
            "targets": {
                "main": {
                    "resources": [
                        {
                            "SimulatedSDMux": {
                                "directory": str(self.card.parent),
                                "match": {"ID_SERIAL_SHORT": "000000001205"},
                            }
                        },
                        {"RawSerialPort": {"name": "monitor", "port": str(self.wire.link)}},
                    ],
                    "drivers": [
                        {"SimulatedPower": {"outlet": "bench"}},
                        *({name: flashing[name]} for name in flashers),
                        {"SerialBoardDriver": {"uarts": ["monitor"], "rest": 0, "patience": 20, **(board or {})}},
                        {"UartDriver": {"name": "monitor", **(uart or {})}},
                        {"MonitorDriver": {"bindings": {"console": "monitor"}}},
                        {
                            "BoardStrategy": {
                                "states": states(deadline, banners or {}),
                                "panics": [{"uart": "monitor", "line": "PANIC"}],
                            }
                        },
                    ],
                }
            },
        }
        path.write_text(json.dumps(content))
        return path

    @property
    def memory(self) -> FlashMemory:
        """The note on the card; `strategy` has written the board file."""
        return FlashMemory.of_board(BoardFile.read(self.directory / "bench.yaml"))

    def strategy(self, **changes: Any) -> BoardStrategy:
        """Open the board as a run does."""
        from hil.board.file import labgridenv

        env = labgridenv.load(self.board_file(self.directory / "bench.yaml", **changes))
        self._environments.append(env)
        strategy: BoardStrategy = labgridenv.target(env).get_strategy()
        return strategy

    def leave(self) -> None:
        """End as a run does."""
        while self._environments:
            self._environments.pop().cleanup()

    def close(self) -> None:
        """Clear the bench."""
        self.leave()
        self.board.off()
        del SimulatedPower.boards["bench"]
        self.wire.close()
