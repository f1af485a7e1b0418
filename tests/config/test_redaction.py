"""Texts on their way out: no secret by value, by look or in another notation; accounts masked."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.redaction import Redactor, mask_account, secret_variables, without_secrets

SECRET = "tgram://123456789:AAF0kenWithManyLettersInIt0123456789ab/42"


@pytest.mark.req("REQ-SEC1")
@pytest.mark.parametrize(
    "text",
    [
        f"failed at {SECRET}",
        "https://api.telegram.org/bot123456789:AAF0kenWithManyLettersInIt0123456789ab/send",
        json.dumps({"url": SECRET}),
        json.dumps(json.dumps({"url": SECRET})),
        repr(ValueError(SECRET)),
        quote(SECRET, safe=""),
    ],
)
def test_a_known_secret_is_found_in_every_notation_and_in_parts(text: str) -> None:
    said = Redactor([SECRET])(text)

    assert "AAF0ken" not in said
    assert "***" in said


@pytest.mark.req("REQ-SEC1")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter22 ok", "password=*** ok"),
        ("password: 'two words' ok", "password: '***' ok"),
        ('{"api_key": "hunter22", "n": 1}', '{"api_key": "***", "n": 1}'),
        (r'"{\"token\": \"hunter 22\"}"', r'"{\"token\": \"***\"}"'),
        ("Authorization: Bearer abcdef123456 ok", "Authorization: Bearer *** ok"),
        ("to https://me:hunter22@example.org/x", "to https://***@example.org/x"),
        ("the tokens were few, the key is down", "the tokens were few, the key is down"),
    ],
)
def test_a_secret_that_nobody_told_us_is_known_by_its_looks(text: str, expected: str) -> None:
    assert Redactor()(text) == expected


@pytest.mark.req("REQ-RET1")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PAPER DU9000001, simulated", "PAPER DU***0001, simulated"),
        ("state/tws-U1234567/cockpit.db", "state/tws-U***4567/cockpit.db"),
        ("Contract(account='DF7654321')", "Contract(account='DF***4321')"),
        ("ck-1a2b-SPY-01J8ZQ5K3MU1234567-entry", "ck-1a2b-SPY-01J8ZQ5K3MU1234567-entry"),
    ],
)
def test_account_ids_are_masked_in_the_log_only(text: str, expected: str) -> None:
    assert Redactor().for_log(text) == expected
    assert Redactor()(text) == text


def test_a_masked_account_tells_one_from_another_and_names_none() -> None:
    assert mask_account("DU9000001") == "DU***0001"
    assert mask_account("DU1234") == "DU***"
    assert mask_account("") == ""


def test_short_texts_are_not_looked_for_because_they_stand_in_words() -> None:
    assert Redactor(["abc"])("abcdef") == "abcdef"


@given(st.text(min_size=6, max_size=60).filter(lambda s: len(s.strip()) >= 6), st.text(max_size=30))
def test_no_text_holds_a_known_secret_afterwards(secret: str, around: str) -> None:
    hide = Redactor([secret])
    for text in (around + secret + around, json.dumps({"x": secret}), repr(secret)):
        assert secret not in hide(text) or secret in "***"


def test_what_the_environment_says_is_secret_is_known_and_not_passed_on_to_children() -> None:
    environ = {"COCKPIT_ALERT_PHONE": SECRET, "MAIL_PASSWORD": "hunter22", "PATH": "/usr/bin"}

    assert secret_variables(environ) == ("COCKPIT_ALERT_PHONE", "MAIL_PASSWORD")
    assert without_secrets(environ) == {"MAIL_PASSWORD": "hunter22", "PATH": "/usr/bin"}
    assert Redactor.of_environment(environ)("it was hunter22") == "it was ***"
