"""`python -m tools.mutants`: break the project on purpose, one promise at a time, and count what notices."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

from tools.mutants.court import judge_all
from tools.mutants.mutant import ListError, chosen, read_lists
from tools.mutants.report import row, summary, write_json
from tools.mutants.tree import scratch_copy
from tools.mutants.trial import adopt_orphans
from tools.mutants.verdict import Judgement, exit_code

CHECKOUT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Judge the chosen mutants; return 0, 1 when one survived, or 2 when one could not be judged."""
    options = _options(arguments)
    checkout: Path = options.checkout.resolve()
    output = options.output or checkout / "build" / "mutants.json"
    started = time.monotonic()
    try:
        lists = chosen(read_lists(options.lists or checkout / "tools" / "mutants" / "list"), options.only)
    except ListError as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2
    total = sum(map(len, lists.values()))
    judgements: list[Judgement] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    adopt_orphans()
    try:
        with scratch_copy(checkout) as tree:
            for said in judge_all(tree, lists, output.with_suffix("")):
                if isinstance(said, Judgement):
                    judgements.append(said)
                    print(row(said, len(judgements), total), flush=True)
                else:
                    print(said, flush=True)
    except KeyboardInterrupt:
        print(f"\ninterrupted: {len(judgements)} of {total} mutants were judged", file=sys.stderr)
        return INTERRUPTED
    finally:
        write_json(output, judgements, _commit(checkout), time.monotonic() - started)
    print("\n".join(summary(judgements)))
    print(
        f"\n{time.monotonic() - started:.0f} s; {output} has all of it, {output.with_suffix('')}/ what the tests said"
    )
    return exit_code(judgements)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("--only", type=_words, default=[], help="ids or lists, separated by commas (default: all)")
    parser.add_argument("--lists", type=Path, help="the folder with the lists (default: tools/mutants/list)")
    parser.add_argument("--checkout", type=Path, default=CHECKOUT, help="the tree to break a copy of")
    parser.add_argument("--output", type=Path, help="where to write the result (default: build/mutants.json)")
    return parser.parse_args(arguments)


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _commit(checkout: Path) -> str:
    done = subprocess.run(
        ["git", "-C", checkout, "describe", "--always", "--dirty", "--abbrev=40"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
