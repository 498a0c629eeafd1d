"""What a run of mutants prints and writes."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from tools.mutants.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

SCHEMA = 1
_DETAIL_COLUMNS = 78


def row(judgement: Judgement, number: int, total: int) -> str:
    """Return the line about one mutant."""
    detail = " ".join(judgement.detail.split())
    if len(detail) > _DETAIL_COLUMNS:
        detail = f"{detail[: _DETAIL_COLUMNS - 3]}..."
    progress = f"[{number:>{len(str(total))}}/{total}]"
    return f"{progress} {judgement.mutant.id:<6} {judgement.verdict:<12} {judgement.seconds:>6.1f} s  {detail}"


def summary(judgements: Sequence[Judgement]) -> list[str]:
    """Return a table of the verdicts by list, and a paragraph about every mutant that needs somebody."""
    lines = ["", f"{'list':<12} {' '.join(f'{verdict:>12}' for verdict in Verdict)} {'rate':>6}"]
    for part in dict.fromkeys(judgement.part for judgement in judgements):
        lines.append(_counts(part, [judgement for judgement in judgements if judgement.part == part]))
    lines.append(_counts("all", judgements))
    for judgement in judgements:
        if judgement.verdict not in {Verdict.KILLED, Verdict.EXCUSED}:
            mutant = judgement.mutant
            lines += [
                "",
                f"{mutant.id} {judgement.verdict}: {mutant.file}: {mutant.promise}",
                f"    {judgement.detail}",
            ]
            lines += [f"    {test}" for test in mutant.tests]
    return lines


def rate(judgements: Iterable[Judgement]) -> float:
    """Return how many of the mutants without an excuse were killed, from 0 to 1."""
    judged = [judgement.verdict for judgement in judgements if judgement.verdict is not Verdict.EXCUSED]
    return judged.count(Verdict.KILLED) / len(judged) if judged else 1.0


def _counts(name: str, judgements: Sequence[Judgement]) -> str:
    count = Counter(judgement.verdict for judgement in judgements)
    return f"{name:<12} {' '.join(f'{count[verdict]:>12}' for verdict in Verdict)} {rate(judgements):>6.1%}"


def write_json(path: Path, judgements: Sequence[Judgement], commit: str, seconds: float) -> None:
    """Write all judgements for a program to read."""
    count = Counter(judgement.verdict for judgement in judgements)
    content = {
        "schema": SCHEMA,
        "commit": commit,
        "seconds": round(seconds, 1),
        "rate": round(rate(judgements), 4),
        "counts": {verdict.value: count[verdict] for verdict in Verdict},
        "mutants": [
            {
                "id": judgement.mutant.id,
                "list": judgement.part,
                "file": judgement.mutant.file,
                "promise": judgement.mutant.promise,
                "tests": list(judgement.mutant.tests),
                "verdict": judgement.verdict.value,
                "seconds": round(judgement.seconds, 1),
                "detail": judgement.detail,
            }
            for judgement in judgements
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
