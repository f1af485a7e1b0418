"""Which symbols of a scanner's list a strategy trades besides its own: the best, and what it holds. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from engine.domain.setup import Setup


def pick(
    setups: Iterable[Setup],
    *,
    most: int,
    own: Collection[str],
    held: Collection[str],
    barred: Collection[str] = (),
) -> tuple[str, ...]:
    """At most `most` symbols, the best score first, then every one of `held` that is not among them.

    `own` are those it trades anyway and `barred` those nobody enters: neither uses up a place.
    """
    ranked = sorted(setups, key=lambda setup: (-setup.score, setup.key))
    best = [s.key for s in ranked if s.key not in own and s.key not in barred][: max(0, most)]
    kept = sorted(key for key in held if key not in own and key not in best)
    return (*best, *kept)
