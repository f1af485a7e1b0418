"""From the action table and the operator's own keys to bindings; a clash is an error at the start."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from textual.binding import Binding

from cockpit.action import Action, Where
from cockpit.actions import ACTIONS

FORBIDDEN: Mapping[str, str] = {
    "ctrl+s": "it stops the output of many terminals",
    "ctrl+q": "many terminals keep it for themselves",
    "ctrl+z": "it would stop the engine with the screen",
}

_NAMES: Mapping[str, str] = {
    "?": "question_mark",
    "+": "plus",
    "-": "minus",
    "/": "slash",
    ".": "full_stop",
    ",": "comma",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    ":": "colon",
    "*": "asterisk",
    "=": "equals_sign",
    " ": "space",
}
_SHOWN: Mapping[str, str] = {
    **{name: char for char, name in _NAMES.items() if char != " "},
    "enter": "↵",
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "question_mark": "?",
}

_ACTION: Mapping[str, Action] = {action.id: action for action in ACTIONS}

_TOGETHER: tuple[frozenset[Where], ...] = (
    frozenset({Where.EVERYWHERE, Where.SCREENS, Where.SCREEN, Where.TABLE}),
    # Without TABLE: on the recovery screen its own keys come before those of its table.
    frozenset({Where.EVERYWHERE, Where.SCREENS, Where.RECOVERY}),
    frozenset({Where.EVERYWHERE, Where.SCREENS, Where.PAGE, Where.MARKET, Where.TABLE}),
    # The keys of a replay come before those of the screens.
    frozenset({Where.EVERYWHERE, Where.REPLAY}),
    frozenset({Where.EVERYWHERE, Where.DIALOG, Where.LEAVE}),
    frozenset({Where.EVERYWHERE, Where.DIALOG, Where.TABLE, Where.DIAL}),
    frozenset({Where.EVERYWHERE, Where.DIALOG, Where.TABLE, Where.ALERTS}),
    frozenset({Where.EVERYWHERE, Where.DIALOG, Where.TABLE, Where.ORDERS}),
    frozenset({Where.EVERYWHERE, Where.DIALOG, Where.TABLE, Where.DRILLS}),
)
"""Places whose keys are heard at the same time, so that no key may serve twice there."""


class KeymapError(ValueError):
    """The operator's `[keys]` cannot be used; the message names the action, the key and the way out."""


def keys_of(action: Action, *, overrides: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of an action after the operator's changes, in Textual's names."""
    return tuple(_normal(key) for key in overrides.get(action.id, action.keys).split(",") if key.strip())


def shown_key(key: str) -> str:
    """A key as people write it: `↵`, `?`, `ctrl+p`."""
    return _SHOWN.get(key, key)


def shown_keys(action: Action, *, overrides: Mapping[str, str]) -> str:
    """All keys of an action for people: `↓ j`."""
    return " ".join(shown_key(key) for key in keys_of(action, overrides=overrides))


def key_for(name: str, *, overrides: Mapping[str, str]) -> str:
    """The first key of the action called `name`, for hints. Raises KeyError where there is none such."""
    return shown_key(keys_of(_ACTION[name], overrides=overrides)[0])


def checked_keymap(overrides: Mapping[str, str]) -> dict[str, str]:
    """The operator's keys, checked, as Textual's keymap.

    Raises:
        KeymapError: unknown action, no key, forbidden key, or two actions on one key.
    """
    known = {action.id for action in ACTIONS}
    for name in overrides:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise KeymapError(f"[keys] has no action {name!r}{hint}")
    for together in _TOGETHER:
        taken: dict[str, Action] = {}
        for action in ACTIONS:
            if action.where in together:
                _claim(action, keys=keys_of(action, overrides=overrides), taken=taken)
    return {
        action.id: ",".join(keys_of(action, overrides=overrides))
        for action in ACTIONS
        if action.id in overrides
    }


def bindings_for(*places: Where, first: bool = False) -> Iterator[Binding]:
    """Textual bindings of the actions that work at `places`. The operator's keys come over the keymap.

    With `first` the keys are heard before the widget with the focus hears them.
    """
    for action in ACTIONS:
        if action.where in places:
            yield Binding(
                ",".join(keys_of(action, overrides={})),
                action.id,
                action.title,
                id=action.id,
                show=False,
                priority=first,
            )


def keys_at(where: Where, *, overrides: Mapping[str, str]) -> dict[str, str]:
    """Key → action of the keys of one place, for those that the app hears before any widget."""
    return {
        key: action.id
        for action in ACTIONS
        if action.where is where
        for key in keys_of(action, overrides=overrides)
    }


def _normal(key: str) -> str:
    bare = key.strip() or key
    return _NAMES.get(bare, bare)


def _claim(action: Action, *, keys: tuple[str, ...], taken: dict[str, Action]) -> None:
    if not keys:
        raise KeymapError(f"[keys] {action.id}: no key given; leave the line out to keep {action.keys!r}")
    for key in keys:
        if key in FORBIDDEN:
            raise KeymapError(f"[keys] {action.id} = {key!r}: not allowed, {FORBIDDEN[key]}")
        if action.where is Where.EVERYWHERE and len(key) == 1 and not key.isupper():
            raise KeymapError(
                f"[keys] {action.id} = {key!r}: works while you type, so it must be an upper-case letter,"
                " a function key or a ctrl combination"
            )
        if key in taken:
            raise KeymapError(
                f"[keys] {action.id} and {taken[key].id} both want {shown_key(key)!r}; move one of them"
            )
        taken[key] = action
