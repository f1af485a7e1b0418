"""A channel that takes nothing is told once, and that it works again, without an endless echo."""

from __future__ import annotations

from engine.api import Level
from engine.runtime.alerts.channel_watch import ChannelWatch
from engine.runtime.alerts.channels import ChannelState
from engine.runtime.alerts.notices import Notices
from tests.builders import TEN


async def test_a_failing_channel_is_one_alert_until_it_works() -> None:
    states = {"phone": "", "mail": ""}
    log: list[str] = []
    notices = Notices(now=lambda: TEN, monotonic=lambda: 0.0, log=lambda event: log.append(event.text))
    watch = ChannelWatch(
        notices, states=lambda: [ChannelState(name, 0, 0, error) for name, error in states.items()]
    )
    await watch.round()
    assert notices.alerts == ()

    states["phone"] = "the channel did not take the message"
    for _ in range(5):
        await watch.round()
    (alert,) = notices.alerts
    assert (alert.code, alert.level, alert.count) == ("channel_failed", Level.WARNING, 1)
    assert "phone: the channel did not take the message" in alert.text
    assert "mail" not in alert.text
    assert len(log) == 1, "telling goes to the failing channel, too: it must not echo"

    states["phone"] = ""
    await watch.round()
    assert notices.alerts == ()


async def test_what_the_run_before_told_of_a_channel_ends_with_the_first_look() -> None:
    notices = Notices(now=lambda: TEN, monotonic=lambda: 0.0, log=lambda _: None)
    notices.raise_alert(Level.WARNING, "channel_failed", "phone failed")

    await ChannelWatch(notices, states=list).round()

    assert notices.alerts == ()
