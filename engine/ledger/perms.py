"""Which permId of the broker belongs to which orderRef, looked up both ways however long the day was."""

from __future__ import annotations

from collections.abc import Set as AbstractSet


class PermIds:
    """Every permId seen under our references. Single writer: the orders."""

    def __init__(self) -> None:
        self._ref: dict[int, str] = {}
        self._seen: dict[str, dict[int, None]] = {}
        """orderRef -> its permIds, first seen first."""

    def put(self, perm_id: int, ref: str) -> None:
        """It was seen under this reference."""
        self._ref[perm_id] = ref
        self._seen.setdefault(ref, {})[perm_id] = None

    def ref(self, perm_id: int) -> str | None:
        """The reference it was last seen under, or None."""
        return self._ref.get(perm_id)

    def of(self, ref: str) -> tuple[int, ...]:
        """Every permId that belongs to a reference; more than one is a duplicate at the broker."""
        return tuple(perm for perm in self._seen.get(ref, ()) if self._ref[perm] == ref)

    def seen(self, ref: str) -> tuple[int, ...]:
        """The same with those that turned up under another reference since."""
        return tuple(self._seen.get(ref, ()))

    def forget(self, refs: AbstractSet[str]) -> None:
        """Let go of these references."""
        self._ref = {perm: ref for perm, ref in self._ref.items() if ref not in refs}
        self._seen = {
            ref: {perm: None for perm in perms if perm in self._ref}
            for ref, perms in self._seen.items()
            if ref not in refs
        }
