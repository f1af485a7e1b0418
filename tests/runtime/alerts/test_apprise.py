"""The library that carries alerts out of the machine, sending for real: to a server of this test."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from engine.api import AlertView, Level
from engine.runtime.alerts.channels import AlertChannels, Plan, apprise_send
from engine.runtime.alerts.notices import Telling
from tests.builders import TEN

pytest.importorskip("apprise", reason="the extra 'alerts' is not installed")

KILL = AlertView(7, Level.CRITICAL, "kill", "", "NOT PROVEN", TEN, to_do="close it")


@pytest.fixture
def inbox() -> Iterator[tuple[int, list[dict[str, str]]]]:
    """A port and what was posted to it; everything under /no is refused."""
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.startswith("/no"):
                self.send_response(503)
            else:
                got.append(json.loads(body))
                self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the test's output is not a log."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1], got
        server.shutdown()
        thread.join()


@pytest.mark.req("REQ-AL1", "PS60-ALERTS")
def test_an_alert_reaches_the_operators_channel_with_what_to_do(
    inbox: tuple[int, list[dict[str, str]]],
) -> None:
    port, got = inbox
    environ = {"COCKPIT_ALERT_PHONE": f"json://127.0.0.1:{port}/yes"}
    channels = AlertChannels(Plan(("phone",)), make_send=lambda name: apprise_send(name, environ))

    channels.hear(KILL, Telling.RAISED)
    channels.close(5.0)

    (message,) = got
    assert message["title"] == "cockpit: CRITICAL [kill]"
    assert "NOT PROVEN" in message["message"]
    assert "To do: close it" in message["message"]
    assert channels.states[0].sent == 1


def test_a_message_that_the_channel_refuses_is_not_counted_as_sent(
    inbox: tuple[int, list[dict[str, str]]],
) -> None:
    port, _ = inbox
    send = apprise_send("phone", {"COCKPIT_ALERT_PHONE": f"json://127.0.0.1:{port}/no"})

    assert send("title", "body") == "the channel did not take the message"
