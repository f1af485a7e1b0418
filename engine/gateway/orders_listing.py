"""The contracts an account may hold: those listed now, and those it traded before they left the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from engine.gateway.model import Contract


class Listing(Mapping[int, Contract]):
    """Contracts by con_id. What was traded is journaled: a holding outlives its contract's listing."""

    def __init__(self, listed: Mapping[int, Contract]) -> None:
        self._listed = listed
        self._traded: dict[int, Contract] = {}
        self._new: list[Contract] = []

    def __getitem__(self, con_id: int) -> Contract:
        found = self._listed.get(con_id)
        return self._traded[con_id] if found is None else found

    def __iter__(self) -> Iterator[int]:
        yield from self._listed
        yield from (con_id for con_id in self._traded if con_id not in self._listed)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def listed(self, con_id: int) -> Contract | None:
        """The contract where it can be traded now."""
        return self._listed.get(con_id)

    def note_traded(self, contract: Contract) -> None:
        """Remember a contract from its first order on."""
        if self._traded.get(contract.con_id) != contract:
            self._traded[contract.con_id] = contract
            self._new.append(contract)

    def collect(self) -> list[dict[str, Any]]:
        """Contracts noted since the last call, as JSON values."""
        fresh, self._new = self._new, []
        return [asdict(contract) for contract in fresh]

    def dump(self) -> list[dict[str, Any]]:
        """Every contract ever traded, as JSON values."""
        return [asdict(contract) for contract in self._traded.values()]

    def restore(self, records: list[dict[str, Any]]) -> None:
        """Apply what `collect` or `dump` gave."""
        for record in records:
            contract = Contract(**(record | {"valid_exchanges": tuple(record["valid_exchanges"])}))
            self._traded[contract.con_id] = contract
