"""The command palette: the action table by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Protocol, runtime_checkable

from textual.command import DiscoveryHit, Hit, Hits, Provider

from cockpit.action import Action, Where
from cockpit.actions import ACTIONS
from cockpit.keymap import shown_keys


@runtime_checkable
class HasKeys(Protocol):
    """An app with the operator's own keys and several screens."""

    @property
    def keys(self) -> Mapping[str, str]:
        """Action id → key."""
        ...

    @property
    def place(self) -> Where:
        """The screen below all dialogs: the cockpit's or recovery's."""
        ...


class ActionProvider(Provider):
    """Every action that makes sense on the screen below; text is never markup."""

    @property
    def _keys(self) -> Mapping[str, str]:
        app: object = self.app
        return app.keys if isinstance(app, HasKeys) else {}

    @property
    def _offered(self) -> Iterator[Action]:
        app: object = self.app
        return offered(app.place if isinstance(app, HasKeys) else Where.SCREEN)

    async def discover(self) -> Hits:
        """All of them, in the table's order."""
        for action in self._offered:
            yield DiscoveryHit(
                action.title,
                partial(self.app.run_action, _namespaced(action)),
                help=_help(action, keys=self._keys),
            )

    async def search(self, query: str) -> Hits:
        """Those whose title or command line word matches."""
        matcher = self.matcher(query)
        for action in self._offered:
            score = max(matcher.match(action.title), matcher.match(action.id), matcher.match(action.verb))
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(action.title),
                    partial(self.app.run_action, _namespaced(action)),
                    text=action.title,
                    help=_help(action, keys=self._keys),
                )


def offered(place: Where = Where.SCREEN) -> Iterator[Action]:
    """Actions worth naming: those that act on the account or the screen, not single steps of the cursor."""
    return (
        action
        for action in ACTIONS
        if action.where in {Where.EVERYWHERE, Where.SCREENS, place}
        and action.id not in {"command_palette", "interrupt", "back", "hide_report"}
    )


def _namespaced(action: Action) -> str:
    """What only works on one screen are methods of it, all others of the app."""
    return f"{'screen' if action.where in {Where.RECOVERY, Where.MARKET} else 'app'}.{action.id}"


def _help(action: Action, *, keys: Mapping[str, str]) -> str:
    return f"{shown_keys(action, overrides=keys)} · {action.help}"
