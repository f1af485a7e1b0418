"""The command palette: the action table by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Protocol, runtime_checkable

from textual.command import DiscoveryHit, Hit, Hits, Provider

from cockpit.actions import ACTIONS, Action, Where
from cockpit.keymap import shown_keys


@runtime_checkable
class HasKeys(Protocol):
    """An app with the operator's own keys."""

    @property
    def keys(self) -> Mapping[str, str]:
        """Action id → key."""
        ...


class ActionProvider(Provider):
    """Every action that makes sense on the cockpit screen; text is never markup."""

    @property
    def _keys(self) -> Mapping[str, str]:
        app: object = self.app
        return app.keys if isinstance(app, HasKeys) else {}

    async def discover(self) -> Hits:
        """All of them, in the table's order."""
        for action in offered():
            yield DiscoveryHit(
                action.title,
                partial(self.app.run_action, f"app.{action.id}"),
                help=_help(action, keys=self._keys),
            )

    async def search(self, query: str) -> Hits:
        """Those whose title or command line word matches."""
        matcher = self.matcher(query)
        for action in offered():
            score = max(matcher.match(action.title), matcher.match(action.id), matcher.match(action.verb))
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(action.title),
                    partial(self.app.run_action, f"app.{action.id}"),
                    text=action.title,
                    help=_help(action, keys=self._keys),
                )


def offered() -> Iterator[Action]:
    """Actions worth naming: those that act on the account or the screen, not single steps of the cursor."""
    return (
        action
        for action in ACTIONS
        if action.where in {Where.EVERYWHERE, Where.SCREEN}
        and action.id not in {"command_palette", "interrupt"}
    )


def _help(action: Action, *, keys: Mapping[str, str]) -> str:
    return f"{shown_keys(action, overrides=keys)} · {action.help}"
