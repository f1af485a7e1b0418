"""The operator's own keys: unknown names, clashes and forbidden keys are errors with a way out."""

from __future__ import annotations

import pytest

from cockpit.action import Confirm, Where
from cockpit.actions import ACTIONS
from cockpit.keymap import KeymapError, bindings_for, checked_keymap, keys_at, keys_of, shown_key


@pytest.mark.req("CARD-KEYS")
def test_the_default_keys_do_not_clash() -> None:
    assert checked_keymap({}) == {}


@pytest.mark.req("CARD-KEYS")
@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"flaten": "z"}, "did you mean 'flatten'"),
        ({"wobble": "z"}, "no action 'wobble'"),
        ({"flatten": "p"}, "both want 'p'"),
        ({"help": "?,p"}, "both want 'p'"),
        ({"leave": "ctrl+q"}, "not allowed"),
        ({"pause": "ctrl+s"}, "not allowed"),
        ({"halt": "h"}, "works while you type"),
        ({"halt": ""}, "no key given"),
    ],
)
def test_unusable_keys_are_refused_with_their_reason(overrides: dict[str, str], words: str) -> None:
    with pytest.raises(KeymapError, match=words.replace("?", r"\?")):
        checked_keymap(overrides)


def test_two_actions_may_swap_their_keys() -> None:
    assert checked_keymap({"pause": "f", "flatten": "p"}) == {"pause": "f", "flatten": "p"}


def test_people_write_signs_and_textual_gets_names() -> None:
    assert checked_keymap({"help": "?", "risk_up": "+"}) == {"help": "question_mark", "risk_up": "plus"}
    assert shown_key("question_mark") == "?"
    assert shown_key("minus") == "-"
    assert shown_key("ctrl+p") == "ctrl+p"


def test_every_action_is_bound_somewhere() -> None:
    bound = {binding.id for binding in bindings_for(*Where)}

    assert bound == {action.id for action in ACTIONS}
    assert set(keys_at(Where.EVERYWHERE, overrides={}).values()) == {"halt", "kill", "interrupt"}


@pytest.mark.req("CARD-KEYS")
def test_what_cannot_be_taken_back_asks_first() -> None:
    by_id = {action.id: action for action in ACTIONS}

    for name in ("flatten", "flatten_all", "cancel_order", "risk_up", "positions_up", "leave"):
        assert by_id[name].confirm is Confirm.ASK
    for name in ("kill", "resume"):
        assert by_id[name].confirm is Confirm.WORD
    for name in ("pause", "halt", "risk_down"):
        assert by_id[name].confirm is Confirm.NONE


def test_an_override_replaces_all_default_keys() -> None:
    down = next(action for action in ACTIONS if action.id == "cursor_down")

    assert keys_of(down, overrides={}) == ("down", "j")
    assert keys_of(down, overrides={"cursor_down": "n"}) == ("n",)
