"""The person of a soak day: settles what waits, and acknowledges what only a person ends."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from engine.api import AlertView, CommandKind, Level, Snapshot
from engine.api_recovery import RecoveryChoice, RecoveryKind, RecoveryRow
from engine.runtime.alerts.catalogue import rule_of
from engine.runtime.process.remote import new_command
from tests.storm.real import RealCockpit


class Operator:
    """Acts on what the engine shows, as its texts advise; what was done is returned in words."""

    def __init__(self, cockpit: RealCockpit, dice: random.Random) -> None:
        self._cockpit = cockpit
        self._dice = dice

    def act(self, shown: Snapshot) -> list[str]:
        """Everything that waits for a person now."""
        done = [self._settle(row) for row in shown.recovery.open_rows]
        for alert in shown.alerts:
            if waits_for_a_person(alert):
                self._cockpit.command(new_command(CommandKind.ACKNOWLEDGE, target=str(alert.alert_id)))
        return done

    def _settle(self, row: RecoveryRow) -> str:
        verb = verb_for(row, self._cockpit.ask(do="report")["orders"], self._dice)
        told = self._cockpit.run("orphans", verb, row.row_id, "--yes")
        answer = "" if told.returncode == 0 else f" (exit {told.returncode}: {told.stdout.strip()[-160:]})"
        return f"{verb} {row.symbol}{answer}"


def waits_for_a_person(alert: AlertView) -> bool:
    """Whether it stands until somebody acknowledges it."""
    rule = rule_of(alert.code)
    return (
        not alert.acknowledged and alert.level is not Level.INFO and rule is not None and not rule.ends_itself
    )


def verb_for(row: RecoveryRow, working: Sequence[Mapping[str, Any]], dice: random.Random) -> str:
    """What to do about a row: a position is adopted or closed, an order cancelled where it works at all."""
    if row.kind is RecoveryKind.UNKNOWN_ORDER:
        works = any(order["ref"] and order["ref"] in row.row_id for order in working)
        return "cancel" if works else "not-sent"
    offered = [choice for choice in (RecoveryChoice.ADOPT, RecoveryChoice.CLOSE) if choice in row.choices]
    if row.stop_price is None:
        offered = [choice for choice in offered if choice is not RecoveryChoice.ADOPT]
    return str(dice.choice(offered)) if offered else str(RecoveryChoice.CANCEL)
