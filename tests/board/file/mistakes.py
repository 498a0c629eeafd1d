"""Board files with mistakes, and what the check says about them."""

from __future__ import annotations

from pathlib import Path

BOARDS = Path(__file__).parents[3] / "boards"
GOOD = (BOARDS / "qemu-virt.yaml").read_text()

# What is right, what is wrong in its place, and what is said about it.
MISTAKES = [
    ("features:", "fetures:", "unknown key `targets.main.fetures`; did you mean `features`?"),
    ("\nimages:", "\nimage:", "unknown key `image`; did you mean `images`?"),
    ("HilQEMUDriver:", "HilQemuDriver:", "there is no `HilQemuDriver`; did you mean `HilQEMUDriver`?"),
    ("memory:", "memmory:", "unknown key `targets.main.drivers.HilQEMUDriver.memmory`; did you mean `memory`?"),
    ("smp: 4", "smp: four", "`targets.main.drivers.HilQEMUDriver.smp` is 'four'; it must be a whole number"),
    ("args: [-nodefaults]", "args: -nodefaults", "HilQEMUDriver.args` is '-nodefaults'; it must be a list, each text"),
    ("bios: flash", "bios: flsh", "HilQEMUDriver.bios` names no image: `flsh`; did you mean `flash`?"),
    ("- UartDriver: { name: firmware }", "- UartDriver: { name: frmware }", "UartDriver.name` names no serial line"),
    ("console: monitor", "consol: monitor", "unknown key `targets.main.drivers.MonitorDriver.bindings.consol`"),
    ("console: monitor", "console: montor", "MonitorDriver.bindings.console` names nothing that fits: `montor`;"),
    ("secure_space: pro", "secure_spaces: pro", "unknown feature `secure_spaces`; did you mean `secure_space`?"),
    ("secure_space: protected", "secure_space: protectd", "secure_space` is 'protectd'; did you mean `protected`?"),
    ("secure_space: pro", "secure_space: x", "secure_space` is 'xtected'"),
    ("kind: emulator", "kind: quark", "`options.kind` is 'quark'; known are board, emulator"),
    ("            monitor:\n", "            linux:\n", "state `linux` needs a `ParamikoDriver`, the SSH connection"),
    ("kind: emulator", "kind: emulater", "`options.kind` is 'emulater'; did you mean `emulator`?"),
    ("description:", "descripton:", "unknown key `options.descripton`; did you mean `description`?"),
    ("linux_board: qemu-virt-linux", "linux_board: qemu-lnux", "`options.linux_board` names no board: `qemu-lnux`"),
    ("stage2_write_check: QEMU", "stage2_write_chek: QEMU", "unknown feature `stage2_write_chek`; did you mean"),
    ("- hil.drivers", "- hil.driver", "`hil.driver` cannot be imported: No module named 'hil.driver'; did you mean"),
    ("            firmware:\n", "            firmwear:\n", "state `firmwear`: did you mean `firmware`?"),
    ("            monitor:\n", "            flashed:\n", "`states.flashed`: every board has the state `flashed`"),
    ("            monitor:\n", "            Monitor 2:\n", "`states.Monitor 2` is no name of a state"),
    ("deadline: 15\n", "deadline: 15\n              drive: x\n", "unknown key `states.monitor.drive`; did you mean"),
    ("deadline: 15\n", "deadline: 15\n              driver: monitr\n", "names no driver: `monitr`; did you mean"),
    ("deadline: 15\n", "deadline: 15\n              driver: UartDriver\n", "several drivers are `UartDriver`"),
    ("deadline: 15\n", "deadline: 15\n              command: go\n", "command` cannot be typed anywhere"),
    ("deadline: 15", "deadline: soon", "`states.monitor.deadline` is 'soon'; it must be a number of seconds above 0"),
    ("stage: BL2, uart: firmware", "stage: BL2, uart: uart1", "`states.firmware.banners[1].uart` names no serial"),
    ("'Unhandled Exception'", "'Unhandled ('", "`panics[1].line` is no regular expression"),
    ("      - MonitorDriver:", "      - x: {}\n        y:", "an entry is a class and its attributes"),
    ("  qemu: qemu-system", "  qemu: qemu\n  qemu: qemu-system", "`tools.qemu` is there twice, first in line 8"),
    ("  qemu: qemu-system", "\tqemu: qemu-system", "is not YAML: there is a tab"),
    ("  kind: emulator", "  kind: &a [*a]", "`options.kind[0]` contains itself"),
    ("  flash: ../build", "  flash: [x]\n  other: ../build", "`images.flash` is ['x']; it must be text"),
    ("  kind: emulator", "  kind: !secret x", "could not determine a constructor for the tag '!secret'"),
    ("- UartDriver: { name: monitor }", "- RawSerialPort: { port: x }", "is one of the resources, not of"),
    ("- UartDriver: { name: monitor }", "- UartDriver:", "`targets.main.drivers.UartDriver` has no attributes"),
]  # fmt: skip

HARDLY = [
    ("", "the file is empty"),
    ("- a\n", "this is not a mapping"),
    ("targets: {}\n", "there is no target"),
    ("targets: 3\n", "`targets` is 3; it must be a mapping"),
    ("targets: {main: 3}\n", "`targets.main` is no mapping"),
    ("imports: hil.drivers\ntargets: {main: {}}\n", "`imports` is 'hil.drivers'; it must be a list of texts"),
    ("targets: [\n", "is not YAML"),
    ("? [a]\n: 1\n", "a key must be a plain word"),
    ("targets: {main: {drivers: [3]}}\n", "an entry is a class and its attributes"),
    ("targets: {main: {drivers: 3}}\n", "`targets.main.drivers` is 3; it must be"),
]
"""Texts that are hardly a board file."""
