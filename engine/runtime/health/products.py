"""Carries what the broker says of products to the gate's inputs, and tells each change once."""

from __future__ import annotations

from typing import Final

from engine.api import Level
from engine.market.products import Trouble
from engine.risk.selection import ProductStatus
from engine.runtime.desk import Desk

_STATUS: Final = {
    Trouble.HALTED: ProductStatus.HALTED,
    Trouble.VOLATILITY: ProductStatus.LIMIT_STATE,
    Trouble.FARM: ProductStatus.UNREACHABLE,
}


def keep_status(desk: Desk) -> None:
    """Make `desk.inputs.status` what the broker says now. Call after every message about it."""
    found = desk.products.untradable(desk.instruments.values())
    status = desk.inputs.status
    wanted = {key: _STATUS[untradable.trouble] for key, untradable in found.items()}
    for key in [key for key in status if key not in wanted and status[key] in _STATUS.values()]:
        del status[key]
        desk.notices.event(Level.INFO, "link", f"{key}: trades again", symbol=key)
    for key, now in wanted.items():
        if status.get(key) is not now:
            status[key] = now
            text = f"{key}: {found[key].text}; entries in it are blocked, the others go on"
            desk.notices.event(Level.WARNING, "link", text, symbol=key)
