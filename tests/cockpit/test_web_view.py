"""The web view: who may look, who may act, and that a page of another site reaches nothing."""

from __future__ import annotations

import asyncio
import http.client
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.web_guard import COOKIE, Asked, Guard, Verdict, is_local

TOKEN = "a-word-told-to-one-person"
PAGE = Asked(host="127.0.0.1:8050", origin=None, is_socket=False, shown_token="", cookie="")
SOCKET = replace(PAGE, origin="http://127.0.0.1:8050", is_socket=True)

pytestmark = pytest.mark.req("FUT-ENV")


def open_guard() -> Guard:
    return Guard(host="127.0.0.1", port=8050)


def guarded() -> Guard:
    return Guard(host="127.0.0.1", port=8050, token=TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1:8050", "localhost:8050", "[::1]:8050"])
def test_its_own_page_passes_under_every_name_of_this_machine(host: str) -> None:
    assert open_guard().judge(replace(PAGE, host=host)) is Verdict.PASS
    assert open_guard().judge(replace(SOCKET, host=host)) is Verdict.PASS


@pytest.mark.parametrize("host", ["evil.example:8050", "127.0.0.1", "127.0.0.1:80", "", "localhost.x:8050"])
def test_a_name_that_was_turned_to_this_machine_is_refused(host: str) -> None:
    assert open_guard().judge(replace(PAGE, host=host)) is Verdict.WRONG_HOST


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", "http://127.0.0.1:9999", "http://127.0.0.1:8050.evil", "ws:/x"],
)
def test_a_socket_from_another_page_is_refused(origin: str | None) -> None:
    assert open_guard().judge(replace(SOCKET, origin=origin)) is Verdict.WRONG_ORIGIN


def test_with_a_token_nobody_looks_without_it_and_the_address_gives_a_cookie() -> None:
    guard = guarded()

    assert guard.judge(PAGE) is Verdict.NO_TOKEN
    assert guard.judge(replace(PAGE, shown_token="guess")) is Verdict.NO_TOKEN
    assert guard.judge(replace(PAGE, shown_token=TOKEN)) is Verdict.SIGN_IN
    assert guard.judge(replace(SOCKET, shown_token=TOKEN)) is Verdict.NO_TOKEN
    assert guard.judge(replace(SOCKET, cookie=guard.cookie)) is Verdict.PASS
    assert (
        guard.judge(replace(SOCKET, cookie=guard.cookie, origin="https://evil.example"))
        is Verdict.WRONG_ORIGIN
    )
    assert TOKEN not in guard.cookie
    assert guard.judge(replace(SOCKET, cookie=open_guard().cookie)) is Verdict.NO_TOKEN


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("nas", False)],
)
def test_only_this_machines_own_addresses_are_local(host: str, *, local: bool) -> None:
    assert is_local(host) is local


@asynccontextmanager
async def serving(port: int, token: str) -> AsyncIterator[None]:
    """The real server on a port of this machine; its pages are never opened."""
    pytest.importorskip("textual_serve")
    from aiohttp import web

    from cockpit.web_server import WebView

    view = WebView(Path("/nowhere"), host="127.0.0.1", port=port, token=token, config=None)
    runner = web.AppRunner(await view._make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


def get(port: int, path: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


async def test_the_server_keeps_to_the_guard_and_its_pages_cannot_be_framed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "https://evil.example"}
    async with serving(port, TOKEN):
        evil = await asyncio.to_thread(get, port, "/ws", upgrade)
        other = await asyncio.to_thread(get, port, "/", {"Host": "evil.example"})
        bare = await asyncio.to_thread(get, port, "/", {})
        signed = await asyncio.to_thread(get, port, f"/?token={TOKEN}", {})
        cookie = (signed.getheader("Set-Cookie") or "").split(";")[0]
        page = await asyncio.to_thread(get, port, "/", {"Cookie": cookie})

    assert (evil.status, other.status, bare.status, signed.status, page.status) == (403, 403, 401, 302, 200)
    assert cookie.startswith(COOKIE)
    assert "HttpOnly" in (signed.getheader("Set-Cookie") or "")
    assert page.getheader("X-Frame-Options") == "DENY"
