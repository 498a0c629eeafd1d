"""How often a test that did not pass runs again."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hil.errors import UsageError

EXAMPLE = "infra=2,flaky=1"
MOST = 100


@dataclass(frozen=True, slots=True)
class Retries:
    """After a fault of board or lab `infra` times, after any other failure `flaky` times; it passes late, or not."""

    infra: int = 0
    flaky: int = 0

    @classmethod
    def parse(cls, text: str) -> Retries:
        """Read what `--retry` was given, such as `infra=2,flaky=1`. Raises `UsageError`."""
        given: dict[str, int] = {}
        for part in text.split(","):
            name, _, number = part.strip().partition("=")
            known = name in {one.name for one in fields(cls)} and name not in given
            if not (known and number.isdecimal() and int(number) <= MOST):
                raise UsageError(f"--retry cannot be {text!r}", hint=f"--retry {EXAMPLE}, each at most {MOST}")
            given[name] = int(number)
        return cls(**given)
