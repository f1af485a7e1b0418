"""From a key to a Command: what is sent at once, what asks first, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from cockpit import previews
from cockpit.action import Where
from cockpit.by_hand import ByHand
from cockpit.exits import Exit
from cockpit.format import clean
from cockpit.frame import Frame, account_brake, hardest_brake
from cockpit.recovery import Marks, is_pressing
from cockpit.screens.cockpit import CockpitScreen
from cockpit.screens.dialog import Answers, Field, Previewer
from cockpit.spans import Line, Span, Tone
from cockpit.widgets.ticking_table import TickingTable
from engine.api import Command, CommandKind, EngineState, Level, Scope, Snapshot

if TYPE_CHECKING:
    from cockpit.screens.kill import KillDialog

_LOUDNESS = list(Level)


class OperatorActions(ByHand):
    """The operator's keys. Every deed goes through `send`; nothing here changes what is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._marks = Marks()
        self._offered: set[str] = set()
        """Recovery rows that the operator has been shown since nothing waited."""

    @property
    def snapshot(self) -> Snapshot:
        """What the engine said last."""
        return self.frame.snapshot

    # Brakes

    def action_pause(self) -> None:
        """Pause at once; where a brake is on the account, ask how to lift it."""
        if account_brake(self.snapshot) is None:
            self.send(CommandKind.PAUSE, reason="pause key")
        else:
            self.ask_resume(Scope())

    def action_resume(self) -> None:
        """Ask how to lift the hardest brake, the account's before scoped ones."""
        brake = hardest_brake(self.snapshot)
        if brake is None:
            self.say(Span("no brake is on", Tone.MUTED))
        else:
            self.ask_resume(brake.scope)

    def action_halt(self) -> None:
        """Halt at once, from wherever we are."""
        self.send(CommandKind.HALT, reason="halt key")

    def action_kill(self) -> None:
        """Halt at once, then ask for the word."""
        from cockpit.screens.kill import KillDialog

        if isinstance(self.screen, KillDialog):
            return
        if self.send(CommandKind.HALT, reason="kill key") is None:
            return
        self.close_dialogs()
        title = f"KILL · {self.snapshot.account} · {self.snapshot.mode.value} {self.snapshot.gateway}"
        self.open_dialog(self._kill_dialog(clean(title)))

    def _kill_dialog(self, title: str) -> KillDialog:
        from cockpit.screens.kill import KillDialog

        return KillDialog(
            title=title,
            keys=self.keys,
            send=self._send_kill,
            send_at_open=lambda: self.send(CommandKind.AT_OPEN, target="yes", reason="kill dialog"),
        )

    def _send_kill(self, word: str) -> Command | None:
        return self.send(CommandKind.KILL, reason="kill key", confirmed=True, typed=word)

    def ask_resume(self, scope: Scope, *, reason: str = "") -> None:
        """Show what lifting a brake means, and ask why, and for the account id where it is needed."""
        account = self.snapshot.account
        fields = [Field("reason", "reason", initial=reason)]
        if previews.needs_account(self.snapshot, scope):
            fields.append(Field("account", f"type {account}", expected=account))

        def resume(answers: Answers) -> None:
            typed = account if "account" in answers else ""
            self.send(CommandKind.RESUME, scope=scope, reason=answers["reason"], confirmed=True, typed=typed)

        self.ask(
            f"Resume {scope}",
            partial(previews.resume_preview, scope=scope),
            yes="Resume",
            fields=fields,
            then=resume,
        )

    def action_acknowledge(self) -> None:
        """Acknowledge the loudest alert, the oldest of equals."""
        waiting = [alert for alert in self.snapshot.alerts if not alert.acknowledged]
        if not waiting:
            self.say(Span("no alert waits", Tone.MUTED))
            return
        worst = max(waiting, key=lambda alert: (_LOUDNESS.index(alert.level), -alert.alert_id))
        self._acknowledge(worst.alert_id)

    def action_alerts(self) -> None:
        """Every alert that stands, and what happened last."""
        from cockpit.screens.alerts import AlertsDialog

        if not isinstance(self.screen, AlertsDialog):
            self.close_dialogs()
            self.open_dialog(AlertsDialog(keys=self.keys, acknowledge=self._acknowledge))

    def action_orders(self) -> None:
        """Every order of the day, and its fills."""
        from cockpit.screens.orders import OrdersDialog

        if not isinstance(self.screen, OrdersDialog):
            self.close_dialogs()
            self.open_dialog(OrdersDialog(keys=self.keys))

    def action_setups(self) -> None:
        """The watch list."""
        from cockpit.screens.setups import SetupsDialog

        if not isinstance(self.screen, SetupsDialog):
            self.close_dialogs()
            self.open_dialog(SetupsDialog(keys=self.keys, show_cycle=self._open_cycle))

    def action_model(self) -> None:
        """What the learned trader knows."""
        from cockpit.screens.model import ModelDialog

        if not isinstance(self.screen, ModelDialog):
            self.close_dialogs()
            self.open_dialog(ModelDialog(keys=self.keys))

    def _acknowledge(self, alert_id: int) -> None:
        self.send(CommandKind.ACKNOWLEDGE, target=str(alert_id))

    # Positions and orders

    def action_flatten(self) -> None:
        """Ask whether to close the position under the cursor."""
        symbol = self.cockpit.positions.cursor_key
        if symbol is None:
            self.say(Span("flat: there is no position to close", Tone.MUTED))
        else:
            self.ask_flatten(symbol)

    def ask_flatten(self, symbol: str) -> None:
        """Show what closing a position means, and ask."""
        self._ask_then_send(
            f"Flatten {symbol}",
            partial(previews.flatten_preview, symbol=symbol),
            "Flatten",
            CommandKind.FLATTEN,
            symbol,
        )

    def action_flatten_all(self) -> None:
        """Ask whether to close every position."""
        self._ask_then_send(
            "Flatten all", previews.flatten_all_preview, "Flatten all", CommandKind.FLATTEN, ""
        )

    def action_cancel_order(self) -> None:
        """Ask whether to cancel the order under the cursor."""
        key = self.cockpit.orders.cursor_key
        if key is None:
            self.say(Span("there is no order to cancel", Tone.MUTED))
        else:
            self.ask_cancel(key)

    def ask_cancel(self, key: str) -> None:
        """Show what cancelling an order means, and ask."""
        self._ask_then_send(
            "Cancel order",
            partial(previews.cancel_preview, key=key),
            "Cancel order",
            CommandKind.CANCEL_ORDER,
            key,
        )

    def on_ticking_table_chosen(self, event: TickingTable.Chosen) -> None:
        """Enter on a row: everything about it."""
        from cockpit.screens.pages import order_lines

        if event.table is self.cockpit.positions:
            self.open_symbol(event.key)
        elif event.table is self.cockpit.orders:
            self.open_page("Order", partial(order_lines, key=event.key))

    def open_symbol(self, symbol: str) -> None:
        """All about what is held of one symbol, its orders and fills."""
        from cockpit.screens.pages import position_lines

        self.open_page(f"Position {symbol}", partial(position_lines, symbol=symbol))

    # Moving about, leaving

    def action_recovery(self) -> None:
        """What differs from the broker, and the restart report."""
        from cockpit.screens.recovery import RecoveryScreen

        if self.recovery_screen is None:
            self._recovery = RecoveryScreen(keys=self.keys, marks=self._marks, operator=self)
            self.push_screen(self._recovery)
            self.call_after_refresh(self._show_recovery)

    def offer_recovery(self) -> None:
        """Open the recovery screen where a row waits that nobody was shown; never over a dialog."""
        snapshot = self.snapshot
        waiting = {row.row_id for row in snapshot.recovery.open_rows if is_pressing(row, snapshot=snapshot)}
        if not waiting and snapshot.engine_state is EngineState.READY:
            self._offered.clear()
        if waiting - self._offered and isinstance(self.screen, CockpitScreen):
            self.action_recovery()
        if self.recovery_screen is not None:
            self._offered |= waiting

    def _show_recovery(self) -> None:
        if self.recovery_screen is not None:
            self.recovery_screen.show(self.frame)

    @property
    def place(self) -> Where:
        """The screen below all dialogs."""
        if self.market_screen is not None:
            return Where.MARKET
        if self.health_screen is not None:
            return Where.PAGE
        return Where.SCREEN if self.recovery_screen is None else Where.RECOVERY

    def action_hide_report(self) -> None:
        """Take the restart report off the cockpit screen."""
        self.cockpit.report.dismiss()

    def action_help(self) -> None:
        """The help page."""
        from cockpit.screens.pages import help_lines

        self.open_page("Keys", lambda _frame: help_lines(self.keys))

    def _open_cycle(self) -> None:
        """Why nothing happened, in figures."""
        from cockpit.cycle_words import cycle_lines

        self.open_page("The last decision cycle", cycle_lines)

    def action_leave(self) -> None:
        """The question how to leave; with a dead engine there is nothing to ask."""
        from cockpit.screens.leave import LeaveDialog

        if not self.frame.screen.engine_alive:
            self.exit(Exit.ENGINE_STOPPED)
        elif not isinstance(self.screen, LeaveDialog):
            self.close_dialogs()
            self.open_dialog(LeaveDialog("Leave", keys=self.keys), self._leave)

    def _leave(self, way: Exit | None) -> None:
        if way is None:
            return
        if way is not Exit.DETACH and not self.handle.seat().acting:
            self.say(Span(f"not stopped: {self.why_not_acting()}", Tone.WARN))
            return
        self.exit(way)

    # Dialogs

    def open_page(self, title: str, build: Callable[[Frame], list[Line]]) -> None:
        """Something to read, until escape."""
        from cockpit.screens.page import PageDialog

        self.open_dialog(PageDialog(clean(title), keys=self.keys, build=build))

    def _ask_then_send(
        self, title: str, preview: Previewer, yes: str, kind: CommandKind, target: str
    ) -> None:
        self.ask(
            title,
            preview,
            yes=yes,
            danger=True,
            then=lambda _answers: self.send(kind, target=target, reason="operator", confirmed=True),
        )
