"""Makes source lists for any suite from the archives that apt is configured with on this machine.

The project names no archive itself. A machine that can install Debian packages has an archive configured, in one of
apt's two formats (sources.list(5)), and the same archive serves the other suites and architectures, too.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.firmware.lock import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hil.firmware.lock import Kind

SYSTEM_APT = Path("/etc/apt")

_RELEASES = frozenset(
    "bullseye bookworm trixie forky duke sid oldoldstable oldstable stable testing unstable".split()  # noqa: SIM905
)
_REPLACED = frozenset(
    "types uris suites components enabled arch architectures lang languages target targets".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Archive:
    """A configured archive. `options` are the other fields of its entry, such as `Signed-By`, unchanged."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_debian(self) -> bool:
        """Whether this is an archive of Debian itself, by the names of its suites."""
        return any(re.split("[-/]", suite)[0] in _RELEASES for suite in self.suites)

    @property
    def is_security(self) -> bool:
        """Whether this is the archive of security updates, which is laid out apart."""
        return any(_is_security(suite) for suite in self.suites)


@dataclass(frozen=True, slots=True)
class SuiteRequest:
    """What a source list must make available."""

    suite: str
    kind: Kind
    architecture: str
    component: str = MAIN


def configured_archives(apt: Path = SYSTEM_APT) -> tuple[Archive, ...]:
    """Return the enabled archives of an apt configuration directory, in apt's order."""
    parts = apt / "sources.list.d"
    archives: list[Archive] = []
    for path in [apt / "sources.list", *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]:
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            archives += _parse_stanzas(text) if path.suffix == ".sources" else _parse_lines(text)
    return tuple(archives)


def source_list(archives: Iterable[Archive], wanted: Sequence[SuiteRequest]) -> str:
    """Return a deb822 source list that makes everything `wanted` available, from the given archives.

    Raises `UsageError` if none of them is an archive of Debian.
    """
    debian = [archive for archive in archives if archive.is_debian]
    stanzas = []
    for item in dict.fromkeys(wanted):
        archive = _choose(debian, item.suite)
        fields = {
            "Types": str(item.kind),
            "URIs": " ".join(archive.uris),
            "Suites": item.suite,
            "Components": item.component,
            **({"Architectures": item.architecture} if item.architecture else {}),
            **archive.options,
        }
        stanzas.append("".join(f"{name}: {value}\n" for name, value in fields.items()))
    return "\n".join(stanzas)


def _choose(archives: Sequence[Archive], suite: str) -> Archive:
    exact = [archive for archive in archives if suite in archive.suites]
    alike = [archive for archive in archives if archive.is_security == _is_security(suite)]
    if not exact + alike:
        raise UsageError(
            f"no Debian archive that could hold {suite} is configured on this machine",
            doing="deriving a source list from apt's configuration",
            hint=f"configure one in {SYSTEM_APT / 'sources.list.d'}; the suites may differ from the machine's own",
        )
    return (exact + alike)[0]


def _is_security(suite: str) -> bool:
    return suite.endswith(("-security", "/updates"))


def _parse_lines(text: str) -> list[Archive]:
    """Parse the one-line format: `deb [option=value ...] uri suite component ...`."""
    archives = []
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        match = re.fullmatch(r"(deb|deb-src)\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)(?:\s+(.*))?", line)
        if not match or match[4].endswith("/"):
            continue
        pairs = (option.partition("=") for option in shlex.split(match[2] or ""))
        options = {name.title(): value for name, _, value in pairs}
        archives.append(Archive((match[3],), (match[4],), _kept(options)))
    return archives


def _parse_stanzas(text: str) -> list[Archive]:
    """Parse the deb822 format: stanzas of `Field: value`, with continuation lines."""
    archives = []
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line[:1].isspace() and name:
                fields[name] += "\n" + line
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().title()
                fields[name] = value.strip()
        enabled = fields.get("Enabled", "yes").lower() not in ("no", "false", "off", "without", "disable", "0")
        suites = tuple(fields.get("Suites", "").split())
        if enabled and fields.get("Uris") and suites and not suites[0].endswith("/"):
            archives.append(Archive(tuple(fields["Uris"].split()), suites, _kept(fields)))
    return archives


def _kept(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name.lower() not in _REPLACED}
