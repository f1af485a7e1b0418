"""Hears nothing: for connections that only ask."""

from __future__ import annotations


class Deaf:
    """A BrokerListener without a use for what it is told."""

    def on_broker_event(self, event: object) -> None:
        """Nothing to do."""

    def on_quote(self, quote: object) -> None:
        """Nothing to do."""

    def on_bar(self, bar: object) -> None:
        """Nothing to do."""

    def on_depth(self, depth: object) -> None:
        """Nothing to do."""

    def on_print(self, trade: object) -> None:
        """Nothing to do."""
