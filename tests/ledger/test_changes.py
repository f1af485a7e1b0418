"""What one event changed adds up with what the next one did, and nothing of it is lost."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from engine.ledger.changes import Changes

NAMES = tuple(field.name for field in fields(Changes))


def _only(name: str, *rows: Any) -> Changes:
    return Changes(**{name: rows})


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_row_counts_as_a_change_and_survives_the_sum(name: str) -> None:
    row: Any = type("Row", (), {"key": "SPY", "closed_by": "e1"})()
    other = _only("notes" if name != "notes" else "orders", object())

    assert not Changes()
    assert _only(name, row)
    assert getattr(_only(name, row) + other, name) == (row,)
    assert getattr(other + _only(name, row), name) == (row,)
    assert _only(name, row) + Changes() == Changes() + _only(name, row) == _only(name, row)
