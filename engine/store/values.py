"""How values are written into columns: one form each, so that text sorts and reads back exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Fixed width, UTC: sorts as text, and any tool can read it."""


def to_time(at: datetime) -> str:
    """Column text of an aware time; ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone; the store takes aware times only")
    return at.astimezone(UTC).strftime(_TIME)


def from_time(text: str) -> datetime:
    """Aware UTC time of a column."""
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def maybe_time(text: str | None) -> datetime | None:
    """Aware UTC time of a column that may be NULL."""
    return None if text is None else from_time(text)


def to_decimal_text(value: Decimal | None) -> str | None:
    """Money as text: SQLite's floats would round it."""
    return None if value is None else str(value)


def maybe_decimal(text: str | None) -> Decimal | None:
    """Decimal of a column that may be NULL."""
    return None if text is None else Decimal(text)


def to_json(payload: Mapping[str, object]) -> str:
    """Canonical JSON: the same payload always hashes the same."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False)
