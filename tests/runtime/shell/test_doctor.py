"""What the doctor says about the clock and the channels, before a start refuses or an alert is lost."""

from __future__ import annotations

import pytest

from engine.config import Config, Gateway
from engine.health.machine import ClockSync
from engine.runtime.shell.doctor import channels, clock

GOOD = ClockSync(synced=True, drift_ms=2.0)


@pytest.mark.req("REQ-TIME1")
@pytest.mark.parametrize(
    ("gateway", "sync", "verdict"),
    [
        (Gateway.TWS, GOOD, "ok"),
        (Gateway.TWS, ClockSync(synced=True, drift_ms=100.0), "fail"),
        (Gateway.TWS, ClockSync(synced=False), "fail"),
        (Gateway.TWS, ClockSync(None), "fail"),
        (Gateway.EMBEDDED, ClockSync(synced=False), "ok"),
    ],
)
def test_a_clock_that_a_real_gateway_would_be_refused_with_is_said_beforehand(
    gateway: Gateway, sync: ClockSync, verdict: str
) -> None:
    check = clock(Config(), gateway, sync)

    assert check.verdict == verdict
    assert verdict == "ok" or "timedatectl" in check.text


def test_channels_without_the_library_that_sends_to_them_fail() -> None:
    config = Config.model_validate({"alerts": {"channels": ("phone",), "escalation": ("partner",)}})

    assert channels(config, apprise="2.2").verdict == "ok"
    missing = channels(config, apprise=None)
    assert missing.verdict == "fail"
    assert "phone, partner" in missing.text
    assert channels(Config(), apprise=None).verdict == "ok"
