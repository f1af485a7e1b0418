"""The key for an order by hand: what is typed, then what the gate says to it, then the order."""

from __future__ import annotations

from functools import partial
from typing import Final

from cockpit import order_words as words
from cockpit.adjusting import Adjusting
from cockpit.format import clean
from cockpit.screens.dialog import Answers, Field
from engine.api import CommandKind, Outcome
from engine.api_orders import OrderWish, as_shown

WHY: Final = "operator"
JUDGED_EVERY_S: Final = 1.0
"""Real seconds between two looks of the gate while its answer is shown."""


class Ordering(Adjusting):
    """Asks the gate before it asks for the order: what is sent is what was shown, or nothing."""

    def action_order(self) -> None:
        """Ask what to enter; nothing is sent before the gate's answer was shown."""
        row = self.cockpit.positions.cursor_key or ""
        fields = (
            Field("side", "buy or sell", initial="buy", check=words.side_complaint),
            Field("symbol", "symbol", initial=row),
            Field("size", "size", check=words.size_complaint, meaning=words.size_meaning, optional=True),
            Field("price", "price", check=words.price_complaint, optional=True),
            Field("stop", "stop", check=words.level_complaint, optional=True),
            Field("target", "target", check=words.level_complaint, optional=True),
        )
        self.ask("Order by hand", words.form_preview, yes="Show", fields=fields, then=self._typed_order)

    def _typed_order(self, answers: Answers) -> None:
        typed = {name: answers[name] for name in ("side", "size", "price", "stop", "target")}
        self.ask_order(answers["symbol"], words.wish_of(**typed), reason=WHY)

    def ask_order(self, symbol: str, wish: OrderWish, *, reason: str) -> None:
        """Show what the gate says to it, again and again, and ask; Cancel has the focus."""
        from cockpit.screens.asked_dialog import AskedDialog

        judge = partial(self.question, CommandKind.JUDGE_ORDER, target=symbol, order=wish, reason=reason)

        def send(outcome: Outcome | None) -> None:
            preview = None if outcome is None else outcome.order
            if preview is not None:
                self.send(
                    CommandKind.ORDER,
                    target=preview.symbol,
                    order=as_shown(wish, preview),
                    seen=preview.limit,
                    reason=reason,
                    confirmed=True,
                )

        dialog = AskedDialog(
            f"Order by hand · {wish.side} {clean(symbol)}",
            keys=self.keys,
            question=judge,
            answered=words.order_preview,
            yes="Send",
            then=send,
            every_s=JUDGED_EVERY_S,
        )
        self.open_dialog(dialog)
