"""What a comparison of the account tells people: an event or alert per difference, each once."""

from __future__ import annotations

from collections.abc import Sequence

from engine.api import Level
from engine.api_recovery import RecoveryKind
from engine.broker.port import BrokerOrder
from engine.recovery.compare import TOLERANCE, Finding
from engine.recovery.rows import execution_text
from engine.runtime.desk import Desk


class AccountWords:
    """Levels: what we held and the broker does not confirm is an ERROR, what nobody knows a WARNING."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.said = ""
        """What the last comparison found that waits for a decision; empty where all agreed."""

    def booked(self, finding: Finding) -> None:
        """Our books were wrong (or out of date) about a position and follow the broker now."""
        liquidated = finding.kind is RecoveryKind.CORPORATE
        closed = finding.kind is RecoveryKind.CLOSED_AWAY
        what = finding.corporate or ("closed externally" if closed else "the broker's quantity is taken over")
        unpriced = any(b.price is None for b in finding.bookings)
        price = " at a price nobody reported; its P&L is not known" if unpriced else ""
        how = "; ".join(execution_text(e) for e in finding.executions)
        text = f"{finding.text}: {what}{price}{f' ({how})' if how else ''}"
        level = Level.CRITICAL if liquidated else Level.ERROR
        self._desk.notices.raise_alert(level, "reconcile_mismatch", text, symbol=finding.key)

    def tell(self, findings: Sequence[Finding], strange: Sequence[BrokerOrder]) -> None:
        """A comparison ended: alerts whose cause has ended go, the others stand."""
        orphans = [(f.key, f.text) for f in findings if f.is_orphan]
        orders = [
            (o.key, f"{o.key}: order {o.claim.perm_id} at the broker is not in our books") for o in strange
        ]
        fractions = [
            (f.key, f"{f.text}: a fraction of a share is left alone")
            for f in findings
            if f.kind is RecoveryKind.FOREIGN and not int(f.excess) and abs(f.excess) > TOLERANCE
        ]
        self._alert(Level.WARNING, "orphan", orphans)
        self._alert(Level.WARNING, "strange_order", orders)
        self._alert(Level.ERROR, "fraction", fractions)
        self.said = "; ".join(text for _, text in (*orphans, *orders))

    def _alert(self, level: Level, code: str, found: list[tuple[str, str]]) -> None:
        """One alert per instrument; those whose cause has ended go."""
        texts: dict[str, list[str]] = {}
        for key, text in found:
            texts.setdefault(key, []).append(text)
        for alert in self._desk.notices.alerts:
            if alert.code == code and alert.symbol not in texts:
                self._desk.notices.clear_alert(code, symbol=alert.symbol)
        for key, said in texts.items():
            self._desk.notices.raise_alert(level, code, "; ".join(said), symbol=key)
