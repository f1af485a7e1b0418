"""The `:` line's deeds: each verb of the command line goes the way its key goes, with the same questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cockpit import previews
from cockpit.drilling import Drilling
from cockpit.exits import Exit
from cockpit.format import clean
from cockpit.line_history import LineHistory
from cockpit.ordering import WHY
from cockpit.previews import REGIME_WORDS
from cockpit.screens.dialog import Field
from cockpit.spans import Span, Tone
from engine.api import CommandKind, Scope, ScopeKind, Snapshot
from engine.api_orders import OrderWish
from engine.api_recovery import RecoveryChoice

if TYPE_CHECKING:
    from cockpit.shell_line import Typed

Values = Mapping[str, Any]
WORD: Final = "FLATTEN"


class LineActions(Drilling):
    """What a line does. What asks from a key asks from a line: `--yes` is for shells where nobody sits."""

    def __init__(self) -> None:
        super().__init__()
        self.history = LineHistory()

    def action_command_line(self) -> None:
        """Open the line."""
        from cockpit.screens.line import LineDialog

        dialog = LineDialog(keys=self.keys, verbs=tuple(VERBS), words_of=words_of, history=self.history)
        self.open_dialog(dialog, self._typed)

    def _typed(self, typed: Typed | None) -> None:
        if typed is not None:
            self.do(typed)

    def do(self, typed: Typed) -> None:
        """Carry out a line that was understood."""
        act = VERBS.get(typed.verb)
        if act is None:
            self._no(f"type `cockpit {typed.verb}` in a shell")
        else:
            act(self, typed.values)

    # --- brakes ---------------------------------------------------------------------------------

    def line_pause(self, values: Values) -> None:
        """At once."""
        self._brake(CommandKind.PAUSE, values)

    def line_halt(self, values: Values) -> None:
        """At once."""
        self._brake(CommandKind.HALT, values)

    def _brake(self, kind: CommandKind, values: Values) -> None:
        scope = self._scope(values)
        if scope is not None:
            self.send(kind, scope=scope, reason=values["reason"])

    def line_kill(self, values: Values) -> None:
        """The account's as the key does it; that of a scope halts it, then asks for the word."""
        scope = self._scope(values)
        if scope == Scope():
            self.action_kill()
        elif (
            scope is not None
            and self.send(CommandKind.HALT, scope=scope, reason=values["reason"]) is not None
        ):
            self._ask_word(f"KILL {scope}", CommandKind.KILL, scope, values["reason"])

    def _ask_word(self, title: str, kind: CommandKind, scope: Scope, reason: str) -> None:
        self.ask(
            title,
            lambda _snapshot: previews.Preview(
                tuple(previews.labelled("then", f"every position of {scope} is closed, and that is proven"))
            ),
            yes="Kill",
            danger=True,
            fields=(Field("word", f"type {WORD}", expected=WORD),),
            then=lambda _answers: self.send(kind, scope=scope, reason=reason, confirmed=True, typed=WORD),
        )

    def line_resume(self, values: Values) -> None:
        """After a preview; the account id is asked for where it is needed."""
        scope = self._scope(values)
        if scope is not None:
            self.ask_resume(scope, reason=values["reason"])

    def _scope(self, values: Values) -> Scope | None:
        """What the options name; None, and a word, where they name both."""
        strategy, symbol = values["strategy"], values["symbol"]
        if strategy and symbol:
            self._no("choose one of --strategy and --symbol")
            return None
        if strategy:
            return Scope(ScopeKind.STRATEGY, strategy)
        return Scope(ScopeKind.SYMBOL, symbol.upper()) if symbol else Scope()

    # --- positions, orders, the record ----------------------------------------------------------

    def line_flatten(self, values: Values) -> None:
        """After a preview."""
        if bool(values["symbol"]) is values["every"]:
            self._no("name a position, or say --all")
        elif values["every"]:
            self.action_flatten_all()
        else:
            self.ask_flatten(self._held(values["symbol"]))

    def line_cancel(self, values: Values) -> None:
        """After a preview."""
        self.ask_cancel(_same(values["ref"], [order.order_ref for order in self.snapshot.orders]))

    def line_order(self, values: Values) -> None:
        """After what the gate says."""
        if values["quantity"] is not None and values["risk_pct"] is not None:
            self._no("say --quantity or --risk-pct, not both")
        elif values["market"] and values["limit"] is not None:
            self._no("choose one of --limit and --market")
        else:
            wish = OrderWish(
                values["way"].value.upper(),
                values["quantity"],
                values["risk_pct"],
                limit=values["limit"],
                at_market=values["market"],
                stop=values["stop"],
                target=values["target"],
            )
            self.ask_order(values["symbol"], wish, reason=values["reason"] or WHY)

    def line_move_stop(self, values: Values) -> None:
        """Nearer at once; further away after a preview."""
        self.move_stop(self._held(values["symbol"]), f"{values['price']}")

    def line_partial(self, values: Values) -> None:
        """After a preview."""
        self.ask_partial(self._held(values["symbol"]), f"{values['share']:g}")

    def line_note(self, values: Values) -> None:
        """At once."""
        symbol = values["symbol"] and self._held(values["symbol"])
        self.send(CommandKind.NOTE, target=symbol, reason=" ".join(values["words"]))

    def _held(self, symbol: str) -> str:
        """In either case: some capitals are keys that act everywhere, and cannot be typed."""
        return _same(symbol, [position.symbol for position in self.snapshot.positions])

    # --- limits, strategies, the rest -----------------------------------------------------------

    def line_set(self, values: Values) -> None:
        """Lower at once; higher after a preview. Without a key: the dial."""
        key, value = values["key"], values["value"]
        item = previews.find_value(self.snapshot, key) if key else None
        if not key:
            self.action_risk()
        elif item is None:
            self._no(f"{key} cannot be changed while it runs")
        elif value is None:
            self._type_value(item.key)
        else:
            self._set_value(item.key, value)

    def line_strategy(self, values: Values) -> None:
        """Off at once; on after a preview."""
        self._switch(values["name"], on=values["turn"].value == "on")

    def line_regime(self, values: Values) -> None:
        """The engine refuses what widens unless it was said twice: the question says it again."""
        self.ask_regime(values["word"])

    def line_acknowledge(self, values: Values) -> None:
        """At once."""
        self._acknowledge(values["alert_id"])

    def line_stop(self, values: Values) -> None:
        """Said how, it stops; else the question."""
        if values["keep"] and values["flatten"]:
            self._no("choose one of --keep and --flatten")
        elif values["keep"] or values["flatten"]:
            self._leave(Exit.STOP_KEEP if values["keep"] else Exit.STOP_FLATTEN)
        else:
            self.action_leave()

    def line_drill_kill(self, _values: Values) -> None:
        """At once; the engine refuses it outside PAPER and while anything is held."""
        self.send(CommandKind.DRILL, target="kill", reason="drill")

    def line_drills(self, _values: Values) -> None:
        """The drills with their results."""
        self.action_drills()

    def line_drill_run(self, values: Values) -> None:
        """After a preview."""
        self.ask_drills(values["names"])

    def line_drill_all(self, _values: Values) -> None:
        """After a preview."""
        self.ask_drills([one.name for one in self.snapshot.gates.drills])

    def line_orphans(self, _values: Values) -> None:
        """The recovery screen."""
        self.action_recovery()

    def line_settle(self, choice: RecoveryChoice, values: Values) -> None:
        """Mark the rows on the recovery screen, which shows the preview before anything is sent."""
        named = {word.casefold() for word in values["rows"]}
        rows = [r for r in self.snapshot.recovery.rows if {r.row_id.casefold(), r.symbol.casefold()} & named]
        if not rows:
            self._no(f"no row {' '.join(values['rows'])} waits")
            return
        complaints = self._marks.choose(rows, choice)
        if values.get("stop") is not None and not complaints:
            for row in rows:
                self._marks.set_stop(row, values["stop"])
        self.action_recovery()
        if complaints:
            self._no(" · ".join(complaints))
        else:
            self.say(Span(f"{choice.value}: marked; the apply key shows the preview", Tone.STRONG))

    def _no(self, why: str) -> None:
        self.say(Span(f"not done: {clean(why)}", Tone.WARN))


def _settle(choice: RecoveryChoice) -> Callable[[LineActions, Values], None]:
    return lambda app, values: app.line_settle(choice, values)


VERBS: Final[Mapping[str, Callable[[LineActions, Values], None]]] = {
    "pause": LineActions.line_pause,
    "halt": LineActions.line_halt,
    "kill": LineActions.line_kill,
    "resume": LineActions.line_resume,
    "flatten": LineActions.line_flatten,
    "cancel": LineActions.line_cancel,
    "order": LineActions.line_order,
    "move-stop": LineActions.line_move_stop,
    "partial": LineActions.line_partial,
    "note": LineActions.line_note,
    "set": LineActions.line_set,
    "strategy": LineActions.line_strategy,
    "regime": LineActions.line_regime,
    "ack": LineActions.line_acknowledge,
    "stop": LineActions.line_stop,
    "drill kill": LineActions.line_drill_kill,
    "drill list": LineActions.line_drills,
    "drill results": LineActions.line_drills,
    "drill run": LineActions.line_drill_run,
    "drill all": LineActions.line_drill_all,
    "orphans": LineActions.line_orphans,
    "orphans adopt": _settle(RecoveryChoice.ADOPT),
    "orphans close": _settle(RecoveryChoice.CLOSE),
    "orphans foreign": _settle(RecoveryChoice.FOREIGN),
    "orphans cancel": _settle(RecoveryChoice.CANCEL),
    "orphans not-sent": _settle(RecoveryChoice.NOT_SENT),
}
"""Every verb of the command line that acts on a running engine."""


def words_of(snapshot: Snapshot, name: str) -> Sequence[str]:
    """What is there now for an argument or option of this name."""
    offered: Mapping[str, Callable[[], Sequence[str]]] = {
        "symbol": lambda: [p.symbol for p in snapshot.positions],
        "name": lambda: [s.name for s in snapshot.strategies],
        "strategy": lambda: [s.name for s in snapshot.strategies],
        "key": lambda: [value.key for value in snapshot.runtime],
        "way": lambda: ["buy", "sell"],
        "turn": lambda: ["on", "off"],
        "names": lambda: [one.name for one in snapshot.gates.drills],
        "word": lambda: REGIME_WORDS,
        "alert_id": lambda: [str(alert.alert_id) for alert in snapshot.alerts if not alert.acknowledged],
        "ref": lambda: [order.order_ref for order in previews.working_orders(snapshot)],
        "rows": lambda: [row.row_id for row in snapshot.recovery.open_rows],
    }
    return offered.get(name, tuple)()


def _same(typed: str, known: Sequence[str]) -> str:
    """The known name that was meant, whatever its case; else what was typed."""
    bare = typed.casefold()
    return next((name for name in known if name.casefold() == bare), typed)
