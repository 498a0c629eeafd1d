"""The option `--retry`: how often a test that did not pass runs again."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hil.errors import UsageError

EXAMPLE = "infra=2,flaky=1"
MOST = 100


@dataclass(frozen=True, slots=True)
class Retries:
    """The most retries of a test: `infra` after faults of board or lab, `flaky` after other failures."""

    infra: int = 0
    flaky: int = 0

    @classmethod
    def parse(cls, text: str) -> Retries:
        """Parse the value of `--retry`, such as `infra=2,flaky=1`. Raises `UsageError`."""
        given: dict[str, int] = {}
        for part in text.split(","):
            name, _, number = part.strip().partition("=")
            known = name in {field.name for field in fields(cls)} and name not in given
            if not (known and number.isdecimal() and int(number) <= MOST):
                raise UsageError(f"--retry cannot be {text!r}", hint=f"--retry {EXAMPLE}, each at most {MOST}")
            given[name] = int(number)
        return cls(**given)
