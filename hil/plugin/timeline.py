"""labgrid's steps as events of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from labgrid.step import StepEvent

    from hil.record import Run


def follow_steps(run: Run) -> Callable[[], None]:
    """Write each step that ends from now on into the timeline of `run`; returns the function that stops this.

    Steps that only move bytes over a console are left out: the transcripts have these.
    """
    from labgrid.step import steps

    def take(event: StepEvent) -> None:
        step = event.step
        if step.tag == "console" or event.data.get("state") != "stop":
            return
        details = {"step": step.title, "of": type(step.source).__name__, "seconds": round(step.duration, 6)}
        if step.args:
            details["args"] = {name: str(value) for name, value in step.args.items()}
        if step.exception:
            details["error"] = str(step.exception).partition("\n")[0]
        run.event("step", **details)

    steps.subscribe(take)

    def stop() -> None:
        steps.unsubscribe(take)

    return stop
