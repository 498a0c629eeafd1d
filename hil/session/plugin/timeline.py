"""labgrid's steps as events of the record, as steps of the test that runs, and as stages of the board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.record import Stage, Step
from hil.record.run import ago

if TYPE_CHECKING:
    from collections.abc import Callable

    from labgrid.step import StepEvent

    from hil.record import RunWriter

STAGE = "stage"
"""The tag of those steps of a strategy that bring the board into a state, which is their only argument."""
NAME_CHARACTERS = 200
"""Of the name of a step, a test has no more; the timeline has all."""


def follow_steps(run: RunWriter, add: Callable[[Step], None]) -> Callable[[], None]:
    """Tell `run` and `add` of each step that ends from now on; returns the function that stops this.

    Steps that only move bytes over a console are left out: the transcripts have these.
    """
    from labgrid.step import steps

    def take(event: StepEvent) -> None:
        step = event.step
        if step.tag == "console" or event.data.get("state") != "stop":
            return
        began, duration = ago(step.duration), round(step.duration, 6)
        words = [str(value) for value in (step.args or {}).values()]
        if step.tag == STAGE:
            run.add_stage(Stage(words[0], began, duration, step.exception is None))
            return
        add(Step(" ".join((step.title, *words))[:NAME_CHARACTERS], began, duration))
        details = {"step": step.title, "of": type(step.source).__name__, "seconds": duration}
        if step.args:
            details["args"] = {name: str(value) for name, value in step.args.items()}
        if step.exception:
            details["error"] = str(step.exception).partition("\n")[0]
        run.event("step", **details)

    steps.subscribe(take)

    def stop() -> None:
        steps.unsubscribe(take)

    return stop
