"""Channels: off the loop, each for itself, tried again, and no address ever told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.api import AlertView, Level
from engine.config import Config, load
from engine.config.redaction import Redactor
from engine.runtime.alerts.channels import (
    QUEUED,
    AlertChannels,
    NoAddressError,
    Plan,
    Send,
    address_of,
    apprise_send,
)
from engine.runtime.alerts.notices import Telling
from engine.runtime.alerts.trial import RECORD, try_channels, working_channels
from engine.runtime.boot import check_unwatched
from engine.runtime.process.errors import RefusedError
from tests.builders import TEN
from tests.waiting import eventually

KILL = AlertView(7, Level.CRITICAL, "kill", "", "NOT PROVEN", TEN, to_do="close it")
STALE = AlertView(8, Level.WARNING, "staleness", "SPY", "no quote", TEN)
SECRET = "tgram://canary-secret/42"


class Inboxes:
    """What arrived, per channel; `broken` ones refuse, `stuck` ones wait for ever."""

    def __init__(self) -> None:
        self.got: dict[str, list[str]] = {}
        self.tries: dict[str, int] = {}
        self.broken: set[str] = set()
        self.stuck: set[str] = set()
        self.free = threading.Event()
        self.pauses: list[float] = []

    def make_send(self, name: str) -> Send:
        def send(title: str, body: str) -> str:
            self.tries[name] = self.tries.get(name, 0) + 1
            if name in self.stuck:
                self.free.wait()
            if name in self.broken:
                raise RuntimeError(SECRET)
            self.got.setdefault(name, []).append(f"{title}\n{body}")
            return ""

        return send

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return False

    def channels(self, plan: Plan) -> AlertChannels:
        return AlertChannels(plan, make_send=self.make_send, wait=self.wait)


@pytest.mark.req("REQ-AL1")
def test_a_dead_and_a_stuck_channel_delay_no_other() -> None:
    inboxes = Inboxes()
    inboxes.broken, inboxes.stuck = {"dead"}, {"stuck"}
    channels = inboxes.channels(Plan(("stuck", "dead", "good")))
    for _ in range(3 * QUEUED):  # returns at once, however many wait
        channels.hear(STALE, Telling.RAISED)
    channels.hear(KILL, Telling.RAISED)

    eventually(lambda: any("kill" in text for text in inboxes.got.get("good", ())))
    stuck = channels.states[0]
    assert (stuck.sent, stuck.lost) == (0, 2 * QUEUED)
    inboxes.free.set()
    channels.close()


def test_a_message_is_tried_again_with_growing_pauses_and_then_given_up() -> None:
    inboxes = Inboxes()
    inboxes.broken = {"dead"}
    channels = inboxes.channels(Plan(("dead",), attempts=4))
    channels.hear(KILL, Telling.RAISED)
    eventually(lambda: channels.states[0].lost == 1)

    assert inboxes.tries == {"dead": 4}
    assert inboxes.pauses == [1.0, 2.0, 4.0]
    assert channels.states[0].error == "RuntimeError"
    assert SECRET not in repr(channels.states)
    channels.close()


@pytest.mark.req("REQ-AL1")
def test_what_nobody_answers_goes_to_the_escalation_channels_too_and_only_then() -> None:
    inboxes = Inboxes()
    channels = inboxes.channels(Plan(("phone",), ("partner",), Level.ERROR))
    channels.hear(STALE, Telling.RAISED)
    channels.hear(KILL, Telling.RAISED)
    channels.hear(KILL, Telling.ESCALATED)
    channels.close()

    assert [len(inboxes.got[name]) for name in ("phone", "partner")] == [2, 1]
    assert "ESCALATED CRITICAL [kill]" in inboxes.got["partner"][0]
    assert "To do: close it" in inboxes.got["partner"][0]


def test_a_channel_without_an_address_fails_in_words_and_costs_nobody_else() -> None:
    inboxes = Inboxes()

    def make_send(name: str) -> Send:
        if name == "lost":
            raise NoAddressError("set it")
        return inboxes.make_send(name)

    channels = AlertChannels(Plan(("lost", "good"), attempts=1), make_send=make_send)
    channels.hear(KILL, Telling.RAISED)
    channels.close()

    assert channels.states[0].error == "set it"
    assert len(inboxes.got["good"]) == 1


def test_an_address_comes_from_the_environment() -> None:
    found = address_of("phone", {"COCKPIT_ALERT_PHONE": SECRET})
    assert (found.reveal(), str(found)) == (SECRET, "***")
    with pytest.raises(NoAddressError, match="COCKPIT_ALERT_PHONE"):
        address_of("phone", {})


def _config(*names: str) -> Config:
    return Config.model_validate({"alerts": {"channels": names}})


def _attempt(
    folder: Path, make: Callable[[str], Send], *names: str, address: str = SECRET
) -> tuple[int, list[str]]:
    said: list[str] = []
    environ = {f"COCKPIT_ALERT_{name.upper()}": address for name in names}
    code = try_channels(_config(*names), folder, environ=environ, say=said.append, make_send=make)
    return code, said


def test_a_channel_test_is_recorded_for_exactly_this_address_and_never_tells_it(tmp_path: Path) -> None:
    inboxes = Inboxes()
    inboxes.broken = {"dead"}
    code, said = _attempt(tmp_path, inboxes.make_send, "dead", "good")

    assert code == 1
    assert "failed" in said[0]
    environ = {"COCKPIT_ALERT_GOOD": SECRET, "COCKPIT_ALERT_DEAD": SECRET}
    assert working_channels(_config("dead", "good"), tmp_path, environ=environ) == ("good",)
    # Another address is another channel: nobody knows whether it works.
    assert working_channels(_config("good"), tmp_path, environ={"COCKPIT_ALERT_GOOD": "json://x"}) == ()
    record = (tmp_path / RECORD).read_text()
    assert "canary" not in record + "".join(said)
    assert (tmp_path / RECORD).stat().st_mode & 0o777 == 0o600
    assert set(json.loads(record)) == {"good"}


def test_a_channel_that_fails_its_next_test_is_no_longer_trusted(tmp_path: Path) -> None:
    inboxes = Inboxes()
    _attempt(tmp_path, inboxes.make_send, "good")
    inboxes.broken = {"good"}
    _attempt(tmp_path, inboxes.make_send, "good")

    assert working_channels(_config("good"), tmp_path, environ={"COCKPIT_ALERT_GOOD": SECRET}) == ()


@pytest.mark.parametrize("is_tested", [False, True])
def test_trading_on_without_a_terminal_needs_a_channel_that_was_tested(
    tmp_path: Path, *, is_tested: bool
) -> None:
    text = "[alerts]\nchannels = ['phone']\n[shutdown]\non_terminal_loss = 'keep-running'\n"
    (tmp_path / "cockpit.toml").write_text(text)
    loaded = load(path=tmp_path / "cockpit.toml", overrides={}, environ={}, cwd=tmp_path, mode="PAPER")
    environ = {"COCKPIT_ALERT_PHONE": SECRET}
    if is_tested:
        _attempt(tmp_path, Inboxes().make_send, "phone")
        check_unwatched(loaded, tmp_path, environ=environ)
    else:
        with pytest.raises(RefusedError, match="cockpit alerts test"):
            check_unwatched(loaded, tmp_path, environ=environ)


@pytest.mark.req("REQ-SEC1")
def test_an_address_is_known_as_secret_before_it_is_used_and_no_account_leaves_the_machine() -> None:
    hide = Redactor()
    with pytest.raises(NoAddressError):  # whether or not the library is there: it is no address
        apprise_send("phone", {"COCKPIT_ALERT_PHONE": "canary-no-address-0123"}, learn=hide.learn)
    assert hide("at canary-no-address-0123") == "at ***"

    inboxes = Inboxes()
    channels = AlertChannels(Plan(("good",)), make_send=inboxes.make_send, hide=hide.for_log)
    channels.hear(replace(KILL, text="DU1234567: canary-no-address-0123"), Telling.RAISED)
    channels.close()
    assert "DU***4567: ***" in inboxes.got["good"][0]
