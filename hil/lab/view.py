"""What people see of a lab: its places, who has them, and which boards are out of the pool for which reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labgrid.remote.common import Place

    from hil.lab.keeper import Keeper


def status(keeper: Keeper) -> list[dict[str, Any]]:
    """Return every place: name, tags, state, holder, health and what is wrong with it."""
    return [
        {
            "name": place.name,
            "tags": dict(place.tags),
            "state": _state(keeper, place),
            "holder": _holder(keeper, place),
            "health": keeper.health.verdict(place.name),
            "why": keeper.health.reason(place.name),
        }
        for place in sorted(keeper.places.values(), key=lambda place: str(place.name))
    ]


def why_none_is_free(keeper: Keeper, tags: Mapping[str, str]) -> str:
    """Say what a runner waits for: who has the boards with these tags."""
    places = [place for place in keeper.places.values() if has_tags(place, tags)]
    if not places:
        return f"no place has the tags {', '.join(f'{key}={value}' for key, value in tags.items())}"
    return "; ".join(f"{place.name}: {_state(keeper, place)}" for place in places)


def has_tags(place: Place, tags: Mapping[str, str]) -> bool:
    """Whether a place is one that was asked for; its name counts as a tag."""
    return tags.items() <= {**place.tags, "name": place.name}.items()


def _holder(keeper: Keeper, place: Place) -> str:
    lease = next((one for one in keeper.leases.values() if one.place == place.name), None)
    return lease.holder if lease else place.acquired or ""


def _state(keeper: Keeper, place: Place) -> str:
    holder = _holder(keeper, place)
    if holder and holder != keeper.own_name:
        return f"held by {holder}"
    if reason := keeper.health.reason(place.name):
        return f"out of the pool: {reason}"
    if holder:
        return "being checked"
    return "reserved" if place.reservation else "free"
