"""Secrets in files: the start is refused, the key is named, the value never."""

from __future__ import annotations

import base64
import pickle
import random

import pytest
import tomli_w

from engine.config import ConfigError
from engine.config.secrecy import Secret, looks_secret, names_secret
from tests.config.place import Place

CANARIES = (
    "tgram://123456789:AAF0kenWithManyLettersInIt0123456789ab/42",
    "mailto://me:hunter22@mail.example.org",
    "https://user:hunter22pass@hooks.example.org/x",
    "AKIA" + "QWERTYUIOPASDFGH",
    "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a",
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    "3f9a7c1e5b2d8f4a6c0e9b7d1f3a5c8e",
    "Zm9vYmFyQmF6UXV4MTIzNDU2Nzg5",
)

HARMLESS = (
    "momentum_fast_2026",
    "MovingAverageCrossover2026",
    "/home/someone/trading/days/2026-11-21",
    "2026-11-21T10:00:00Z",
    "gateway.internal.example.org",
    "550e8400-e29b-41d4-a716-446655440000",
    "https://www.interactivebrokers.com/en/trading",
    "ES@CME",
)


def refused(place: Place, text: str, *, name: str = "cockpit.toml", **environ: str) -> str:
    """What the start says about this file."""
    place.write(text, name=name)
    with pytest.raises(ConfigError) as caught:
        place.load(**environ)
    return str(caught.value)


def entry(key: str, value: object) -> str:
    return tomli_w.dumps({"strategies": {"a": {"kind": "x", "symbols": ["A"], "params": {key: value}}}})


@pytest.mark.req("REQ-SEC1")
@pytest.mark.parametrize("key", ["password", "api_key", "bot_token", "client_secret", "access_key"])
def test_a_key_named_like_a_secret_is_refused_by_name_and_its_value_is_not_shown(
    place: Place, key: str
) -> None:
    said = refused(place, entry(key, "hunter2"))

    assert "cockpit.toml:" in said
    assert f"strategies.a.params.{key} is refused: a secret must not stand in a file" in said
    assert "hunter2" not in said


@pytest.mark.req("REQ-SEC1")
@pytest.mark.parametrize("canary", CANARIES)
def test_a_value_that_looks_like_a_secret_is_refused_wherever_it_stands(place: Place, canary: str) -> None:
    for text in (
        entry("note", canary),
        tomli_w.dumps({"alerts": {"channels": [canary]}}),
        tomli_w.dumps({"connection": {"host": canary}}),
        tomli_w.dumps({"connection": {"hots": canary}}),
    ):
        said = refused(place, text)
        assert "is refused: a secret" in said
        assert canary not in said
        assert "hunter22" not in said


@pytest.mark.req("REQ-SEC1")
def test_a_secret_in_a_comment_is_refused_too(place: Place) -> None:
    said = refused(place, f"[alerts]\nchannels = ['phone']\n# phone = {CANARIES[0]}\n")

    assert "cockpit.toml:3: a comment is refused" in said
    assert "AAF0ken" not in said


@pytest.mark.req("REQ-SEC1")
def test_an_address_of_a_channel_in_the_dotenv_file_is_refused_because_it_is_a_file(place: Place) -> None:
    place.write("[alerts]\nchannels = ['phone']\n")
    said = refused(place, f"COCKPIT_ALERT_PHONE={CANARIES[0]}\n", name=".env")

    assert ".env:1 COCKPIT_ALERT_PHONE: is refused" in said
    assert "AAF0ken" not in said


def test_the_environment_may_hold_secrets(place: Place) -> None:
    place.write(entry("fast", 3))

    loaded = place.load(
        COCKPIT_ALERT_PHONE=CANARIES[0], COCKPIT_STRATEGIES__A__PARAMS__API_TOKEN="hunter2secret"
    )

    assert loaded.config.strategies["a"].params["api_token"] == "hunter2secret"
    assert "hunter2" not in repr(loaded.error("strategies.a.params.api_token", "expected another"))


@pytest.mark.parametrize("text", HARMLESS)
def test_names_places_and_times_are_no_secrets(place: Place, text: str) -> None:
    assert not looks_secret(text)
    place.write(entry("note", text))
    assert place.load().config.strategies["a"].params["note"] == text


def test_the_name_of_a_run_and_a_folder_may_look_random(place: Place) -> None:
    run_id = "3f9a7c1e5b2d8f4a6c0e9b7d1f3a5c8e"
    place.write(f"[run]\nid = '{run_id}'\n[state]\ndir = 'runs/{run_id}'\n")

    assert place.load().config.run.id == run_id


def test_names_of_secrets_are_told_by_whole_words() -> None:
    assert all(map(names_secret, ("x.PASSWORD", "mail-password", "api_key", "gateway.token")))
    assert not any(map(names_secret, ("max_tokens", "keys", "risk.key", "passwords_seen", "tokenizer")))


@pytest.mark.req("REQ-SEC1")
def test_random_texts_of_twenty_bytes_are_told_from_names() -> None:
    chance = random.Random(20)
    found = total = 0
    for _ in range(500):
        noise = chance.randbytes(20)
        for text in (noise.hex(), base64.b64encode(noise).decode(), base64.urlsafe_b64encode(noise).decode()):
            total += 1
            found += looks_secret(text)

    assert found / total > 0.98


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret("hunter2")

    assert {repr(secret), str(secret), f"{secret}", f"{secret!r:>3}"} == {"***"}
    assert "hunter2" not in repr([secret, {"a": secret}])
    assert secret == Secret("hunter2")
    assert secret != Secret("hunter3")
    assert secret.reveal() == "hunter2"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        hash(secret)
