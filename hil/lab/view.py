"""The status of a lab for users: its places, who holds them, and why boards are out of the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labgrid.remote.common import Place

    from hil.lab.keeper import Keeper

HELD = "held by "
"""How the state of a place begins that somebody has acquired."""
RESERVED = "reserved"


def status(keeper: Keeper) -> list[dict[str, Any]]:
    """Return name, tags, state, holder, health and fault of every place."""
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
    """Return who holds the boards with these tags, for a runner that waits for one."""
    places = [place for place in keeper.places.values() if has_tags(place, tags)]
    if not places:
        return f"no place has the tags {', '.join(f'{key}={value}' for key, value in tags.items())}"
    return "; ".join(f"{place.name}: {_state(keeper, place)}" for place in places)


def has_tags(place: Place, tags: Mapping[str, str]) -> bool:
    """Whether a place has these tags. Its name counts as the tag `name`."""
    return tags.items() <= {**place.tags, "name": place.name}.items()


def _holder(keeper: Keeper, place: Place) -> str:
    lease = next((lease for lease in keeper.leases.values() if lease.place == place.name), None)
    return lease.holder if lease else place.acquired or ""


def _state(keeper: Keeper, place: Place) -> str:
    holder = _holder(keeper, place)
    if holder and holder != keeper.own_name:
        return f"{HELD}{holder}"
    if reason := keeper.health.reason(place.name):
        return f"out of the pool: {reason}"
    if holder:
        return "being checked"
    return RESERVED if place.reservation else "free"
