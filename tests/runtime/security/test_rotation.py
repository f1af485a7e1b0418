"""Secrets grow old: known by the day of their change alone, a warning when due, and no LIVE."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from engine.config import Config, load
from engine.runtime.process.errors import UsageError
from engine.runtime.security.rotation import (
    RECORD,
    live_refusals,
    of_config,
    read,
    record,
    standings,
)
from engine.runtime.security.watch import EVERY_S, SecretWatch
from engine.runtime.shell.doctor import _secrets
from engine.runtime.shell.secret_tools import record_rotation, show_secrets
from tests.execution.rig import rig
from tests.virtual_time import pass_time, virtual

TODAY = date(2026, 11, 21)
CONFIG = Config.model_validate({"alerts": {"channels": ("phone",), "escalation": ("partner", "phone")}})
ADDRESS = "tgram://123456789:AAF0kenWithManyLettersInIt0123456789ab/42"


@pytest.mark.req("REQ-SEC2")
@pytest.mark.parametrize(("age_days", "is_due"), [(0, False), (89, False), (90, False), (91, True)])
def test_a_secret_is_due_when_it_is_older_than_it_may_be(age_days: int, *, is_due: bool) -> None:
    changed = {"alert-phone": TODAY - timedelta(days=age_days)}

    (one,) = standings(["alert-phone"], changed, today=TODAY, rotation_days=90)

    assert one.is_overdue is is_due
    assert bool(live_refusals([one])) is is_due


@pytest.mark.req("REQ-SEC2")
def test_a_secret_of_unknown_age_or_from_the_future_keeps_live_from_beginning() -> None:
    found = standings(
        ["gateway", "alert-phone"], {"gateway": TODAY + timedelta(days=1)}, today=TODAY, rotation_days=90
    )

    assert [one.is_overdue for one in found] == [False, False]
    assert live_refusals(found) == (
        "gateway: no change recorded (cockpit secrets rotated gateway)",
        "alert-phone: no change recorded (cockpit secrets rotated alert-phone)",
    )


@pytest.mark.req("REQ-SEC2")
def test_the_record_holds_names_and_days_only_and_is_private(tmp_path: Path) -> None:
    said: list[str] = []
    today: Callable[[], date] = lambda: TODAY  # noqa: E731 - a clock
    record_rotation(CONFIG, tmp_path, "alert-phone", "", say=said.append, today=today)
    record_rotation(CONFIG, tmp_path, "gateway", "2026-08-01", say=said.append, today=today)

    assert json.loads((tmp_path / RECORD).read_text()) == {
        "alert-phone": "2026-11-21",
        "gateway": "2026-08-01",
    }
    assert (tmp_path / RECORD).stat().st_mode & 0o777 == 0o600
    assert said[0].startswith("alert-phone: changed 2026-11-21, due again after 90 days")
    names = [one.name for one in of_config(CONFIG, tmp_path, today=TODAY)]
    assert names == ["alert-phone", "alert-partner", "gateway"]


def test_somebody_who_types_the_secret_instead_of_its_name_does_not_see_it_again(tmp_path: Path) -> None:
    for name, on in ((ADDRESS, ""), ("gateway", "yesterday"), ("gateway", "2026-11-22")):
        with pytest.raises(UsageError) as caught:
            record_rotation(CONFIG, tmp_path, name, on, say=print, today=lambda: TODAY)
        assert "AAF0ken" not in str(caught.value)
    assert read(tmp_path) == {}


def test_a_record_that_cannot_be_read_proves_nothing(tmp_path: Path) -> None:
    for text in ("{", "[]", '{"gateway": 5}', '{"gateway": "soon"}'):
        (tmp_path / RECORD).write_text(text)
        assert read(tmp_path) == {}
        assert live_refusals(of_config(CONFIG, tmp_path, today=TODAY))


@pytest.mark.req("REQ-SEC1", "REQ-SEC2")
def test_the_list_says_where_each_secret_lies_and_never_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "cockpit.toml").write_text("[alerts]\nchannels = ['phone', 'mail']\n")
    loaded = load(
        path=tmp_path / "cockpit.toml",
        overrides={"state.dir": str(tmp_path)},
        environ={},
        cwd=tmp_path,
        mode="PAPER",
    )
    record(tmp_path, "alert-phone", TODAY - timedelta(days=91))
    said: list[str] = []
    environ = {"COCKPIT_ALERT_PHONE": ADDRESS}

    code = show_secrets(loaded, environ=environ, say=said.append, today=lambda: TODAY)

    assert code == 1
    assert said[0] == (
        "alert-phone: changed 2026-08-22, 91 days ago, due after 90 · environment COCKPIT_ALERT_PHONE"
    )
    assert "missing: set COCKPIT_ALERT_MAIL" in said[1]
    assert "kept by TWS or IB Gateway" in said[2]
    assert "AAF0ken" not in "".join(said)


def test_the_doctor_names_what_is_missing_or_due_and_never_a_secret(tmp_path: Path) -> None:
    (tmp_path / "cockpit.toml").write_text("[alerts]\nchannels = ['phone']\n")
    overrides = {"state.dir": str(tmp_path)}
    loaded = load(path=tmp_path / "cockpit.toml", overrides=overrides, environ={}, cwd=tmp_path, mode="PAPER")
    there = {"COCKPIT_ALERT_PHONE": ADDRESS}

    assert "set COCKPIT_ALERT_PHONE" in _secrets(loaded, {}).text
    assert str(_secrets(loaded, there)).startswith("ok")
    record(tmp_path, "alert-phone", date(2020, 1, 1))
    due = _secrets(loaded, there)
    assert (due.verdict, "due after 90" in due.text) == ("warn", True)
    assert "AAF0ken" not in due.text


@pytest.mark.req("REQ-SEC2")
@virtual
async def test_a_due_secret_warns_at_the_start_and_until_its_change_is_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with rig(tmp_path) as it:
        it.desk.config = CONFIG
        record(tmp_path, "gateway", TODAY - timedelta(days=91))
        watch = SecretWatch(it.desk, state_dir=tmp_path, today=lambda: TODAY)
        await watch.round()

        (alert,) = it.desk.notices.alerts
        assert (alert.code, alert.level.value) == ("secret_due", "warning")
        assert alert.text == (
            "time for new secrets: gateway: changed 2026-08-22, 91 days ago, due after 90; "
            "--live is refused meanwhile"
        )
        record(tmp_path, "gateway", TODAY)
        await watch.round()
        assert it.desk.notices.alerts, "it looks once an hour"
        await pass_time(EVERY_S)
        await watch.round()
        assert it.desk.notices.alerts == ()
