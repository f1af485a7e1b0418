"""The keys that change limits and switch strategies: lower and off act at once, higher and on ask first."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial

from cockpit import previews
from cockpit.format import clean
from cockpit.previews import REGIME, REGIME_WORDS, STRATEGY
from cockpit.screens.dialog import Answers, Field
from cockpit.seating import Seating
from cockpit.spans import Span, Tone
from engine.api import CommandKind, Scope, ScopeKind, Snapshot

RISK_PER_TRADE = "risk_per_trade_pct"
MAX_POSITIONS = "max_positions"


class Adjusting(Seating):
    """The operator's dial. Nothing here changes what is shown: that follows the engine."""

    def action_risk(self) -> None:
        """The risk dial."""
        from cockpit.screens.risk import RiskDialog

        self.open_dialog(RiskDialog(keys=self.keys, step=self._step, choose=self._choose))

    def action_risk_down(self) -> None:
        """Less risk per trade, at once."""
        self._step(RISK_PER_TRADE, -1)

    def action_risk_up(self) -> None:
        """More risk per trade, after a preview."""
        self._step(RISK_PER_TRADE, 1)

    def action_positions_down(self) -> None:
        """Fewer positions, at once."""
        self._step(MAX_POSITIONS, -1)

    def action_positions_up(self) -> None:
        """More positions, after a preview."""
        self._step(MAX_POSITIONS, 1)

    def _step(self, key: str, steps: int) -> None:
        if key.startswith(STRATEGY):
            self._switch(key.removeprefix(STRATEGY), on=steps > 0)
            return
        if key == REGIME:
            self.ask_regime()
            return
        item = previews.find_value(self.snapshot, key)
        if item is None:
            self.say(Span(f"{clean(key)} cannot be changed while it runs", Tone.WARN))
            return
        self._set_value(item.key, round(item.value + steps * item.step, 9))

    def _choose(self, key: str) -> None:
        """Enter on a row of the dial."""
        if key == REGIME:
            self.ask_regime()
            return
        if not key.startswith(STRATEGY):
            self._type_value(key)
            return
        name = key.removeprefix(STRATEGY)
        self._switch(name, on=any(s.switched_off for s in self.snapshot.strategies if s.name == name))

    # Values

    def _type_value(self, key: str) -> None:
        def typed(answers: Answers) -> None:
            try:
                value = float(answers["value"].replace(",", "."))
            except ValueError:
                self.say(
                    Span(f"{clean(answers['value'])} is not a number; {clean(key)} stays as it is", Tone.WARN)
                )
                return
            self._set_value(key, value)

        def current(snapshot: Snapshot) -> previews.Preview:
            item = previews.find_value(snapshot, key)
            if item is None:
                return previews.Preview((), possible=False)
            bounds = f"{previews.bounds_text(item)}, now {previews.value_text(item.value)}"
            return previews.Preview(tuple(previews.labelled("bounds", bounds)))

        self.ask(f"Set {key}", current, yes="Set", fields=(Field("value", "new value"),), then=typed)

    def _set_value(self, key: str, value: float) -> None:
        """Lowering acts at once; raising is previewed; outside the bounds nothing is sent."""
        item = previews.find_value(self.snapshot, key)
        if item is None:
            return
        if not item.low <= value <= item.high:
            text = f"{key} stays {previews.value_text(item.value)}: {previews.value_text(value)} is outside "
            text += previews.bounds_text(item)
            self.say(Span(clean(text), Tone.WARN))
            return
        if value <= item.value:
            self.send(CommandKind.SET_VALUE, target=key, value=value, reason="risk key")
            return
        from cockpit.screens.asked_dialog import AskedDialog

        dialog = AskedDialog(
            f"Loosen {clean(key)}",
            keys=self.keys,
            question=partial(self.question, CommandKind.LOOK_BACK, target=key, value=value),
            answered=partial(previews.value_preview, key=key, value=value),
            yes="Loosen",
            then=lambda _answer: self._loosen(key, value),
        )
        self.open_dialog(dialog)

    def _loosen(self, key: str, value: float) -> None:
        """With the value that the preview showed last: one that moved since is not overruled."""
        item = previews.find_value(self.snapshot, key)
        seen = None if item is None else item.value
        self.send(
            CommandKind.SET_VALUE, target=key, value=value, seen=seen, reason="risk key", confirmed=True
        )

    # The regime and strategies

    def ask_regime(self, word: str = "") -> None:
        """A typed word is the second yes already."""

        def now(snapshot: Snapshot) -> previews.Preview:
            lines = previews.labelled("now", snapshot.selection.regime.text or "not looked at yet")
            lines += previews.labelled("words", ", ".join(REGIME_WORDS))
            lines += previews.labelled("then", "its factor acts on the next entry; auto is as detected")
            return previews.Preview(tuple(lines))

        self.ask(
            "Say the regime",
            now,
            yes="Say",
            fields=(Field("word", "regime", initial=word, check=_no_word),),
            then=lambda answers: self.send(
                CommandKind.REGIME, target=answers["word"].lower(), reason="risk dial", confirmed=True
            ),
        )

    def _switch(self, name: str, *, on: bool) -> None:
        scope = Scope(ScopeKind.STRATEGY, name)
        if not on:
            self.send(CommandKind.SWITCH, scope=scope, target="off", reason="risk dial")
            return
        self.ask(
            f"Switch {name} on",
            partial(previews.switch_preview, name=name),
            yes="Switch on",
            then=lambda _answers: self.send(
                CommandKind.SWITCH, scope=scope, target="on", reason="risk dial", confirmed=True
            ),
        )

    @property
    @abstractmethod
    def snapshot(self) -> Snapshot:
        """What the engine said last."""


def _no_word(typed: str) -> str:
    return "" if typed.lower() in REGIME_WORDS else f"one of {', '.join(REGIME_WORDS)}"
