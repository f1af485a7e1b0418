"""The keys for acts by hand: move a stop, take a part of a position, write a note."""

from __future__ import annotations

from functools import partial

from cockpit import by_hand_previews as words
from cockpit.format import clean
from cockpit.ordering import WHY, Ordering
from cockpit.screens.dialog import Answers, Field
from cockpit.spans import Span, Tone
from engine.api import CommandKind, PositionView


class ByHand(Ordering):
    """The operator's own hands on positions and record. Every deed goes through `send`."""

    def action_move_stop(self) -> None:
        """Ask where the stop of the position under the cursor shall stand."""
        symbol = self._chosen()
        if symbol is None:
            return

        def now() -> PositionView | None:
            return words.held_now(self.snapshot, symbol)

        price = Field(
            "price",
            "stop at",
            check=lambda typed: words.stop_complaint(now(), typed),
            meaning=lambda typed: words.stop_meaning(now(), typed),
        )
        self.ask(
            f"Move the stop of {symbol}",
            partial(words.stop_preview, symbol=symbol),
            yes="Move",
            fields=(price,),
            then=lambda answers: self.move_stop(symbol, answers["price"]),
        )

    def move_stop(self, symbol: str, typed: str) -> None:
        """Nearer to the market at once; further away after a preview of the new risk."""
        position, price = words.held_now(self.snapshot, symbol), words.number_in(typed)
        if position is None or price is None:
            self.say(Span(f"{clean(symbol)} {clean(typed)}: no position of ours, or no price", Tone.WARN))
            return
        if not words.loosens(position, price):
            self.send(CommandKind.MOVE_STOP, target=symbol, value=price, reason=WHY)
            return
        self.ask(
            f"Loosen the stop of {symbol}",
            partial(words.loosen_preview, symbol=symbol, price=price),
            yes="Loosen",
            danger=True,
            then=lambda _answers: self._loosen_stop(symbol, price),
        )

    def _loosen_stop(self, symbol: str, price: float) -> None:
        """With the stop that the preview showed last: one that moved since is not overruled."""
        position = words.held_now(self.snapshot, symbol)
        seen = None if position is None else position.stop_price
        self.send(CommandKind.MOVE_STOP, target=symbol, value=price, seen=seen, reason=WHY, confirmed=True)

    def action_partial(self) -> None:
        """Ask how much of the position under the cursor to close."""
        symbol = self._chosen()
        if symbol is not None:
            self.ask_partial(symbol, f"{words.HALF_PCT:g}")

    def ask_partial(self, symbol: str, share: str) -> None:
        """Show what a share of the position is, and ask."""

        def now() -> PositionView | None:
            return words.held_now(self.snapshot, symbol)

        field = Field(
            "share",
            "percent",
            initial=share,
            check=lambda typed: words.part_complaint(now(), typed),
            meaning=lambda typed: words.part_meaning(now(), typed),
        )
        self.ask(
            f"Take a part of {symbol}",
            partial(words.partial_preview, symbol=symbol),
            yes="Close part",
            fields=(field,),
            danger=True,
            then=lambda answers: self._take_partial(symbol, answers),
        )

    def _take_partial(self, symbol: str, answers: Answers) -> None:
        share_pct = words.number_in(answers["share"])
        if share_pct is not None:
            self.send(CommandKind.PARTIAL, target=symbol, value=share_pct, reason=WHY, confirmed=True)

    def action_note(self) -> None:
        """Ask for words to keep."""
        self.ask(
            "Note",
            words.note_preview,
            yes="Keep",
            fields=(Field("words", "note"),),
            then=lambda answers: self.send(CommandKind.NOTE, reason=answers["words"]),
        )

    def _chosen(self) -> str | None:
        """The position under the cursor; None, and a word, where there is none of ours."""
        key = self.cockpit.positions.cursor_key
        position = None if key is None else words.held_now(self.snapshot, key)
        if position is None:
            text = "flat: there is no position" if key is None else f"{clean(key)} is not ours"
            self.say(Span(text, Tone.MUTED))
            return None
        return position.symbol
