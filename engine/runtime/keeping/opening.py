"""The first line of a session's record: by which program and settings, from which positions and orders."""

from __future__ import annotations

from engine.config import Loaded
from engine.config.model import masked
from engine.runtime.desk import Desk
from engine.runtime.process.options import RunOptions
from engine.store.ledger_log import leg_payload, whole_order_payload


def begin_record(desk: Desk, loaded: Loaded, options: RunOptions) -> None:
    """Write how this session begins, and from here on every line that is told on the screen."""
    desk.session_log.add(desk.now(), "session", "", _payload(desk, loaded, options))
    desk.notices.on_event(desk.session_log.told)


def _payload(desk: Desk, loaded: Loaded, options: RunOptions) -> dict[str, object]:
    ledger = desk.books.ledger
    return {
        "run_id": options.run_id,
        "version": options.version,
        "config_hash": loaded.config.fingerprint,
        "config": masked(loaded.config.model_dump(mode="json")),
        "mode": options.mode.value,
        "gateway": desk.gateway,
        "account": desk.account,
        "speed": desk.clock.speed,
        "held": {leg.key: leg_payload(leg) for leg in ledger.positions.legs()},
        "orders": [whole_order_payload(order) for order in ledger.orders.all()],
        "realized_usd": str(ledger.positions.realized_usd()),
        "fees_usd": str(ledger.positions.fees_usd()),
    }
