"""`cockpit serve` in a real browser: the screen is drawn, and only whoever has the token may act."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.process.terminal import Place, write_config
from tests.process.test_attached import asked, headless
from tests.waiting import eventually_async

pytest.importorskip("textual_serve", reason="the web view is an extra: pip install '.[web]'")
pytest.importorskip("aiohttp", reason="comes with the web view")

from tests.process.chromium import BINARY, chromium, page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.req("FUT-ENV"),
    pytest.mark.skipif(BINARY is None, reason="no Chromium on this machine"),
]
SOCKET = """new Promise(done => {{
    const line = new WebSocket("ws://127.0.0.1:{port}/ws");
    line.onopen = () => done("open");
    line.onerror = () => done("refused");
}})"""


class Web(NamedTuple):
    """One engine, two views of it, one browser."""

    place: Place
    looking: str
    """Address of the view without a token."""
    acting: str
    """Address of the other one, with its token."""
    browser: int


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def serving(place: Place, *options: str) -> Iterator[str]:
    """`cockpit serve` on a port from the environment; the address that it tells."""
    view = subprocess.Popen(
        place.command("serve", *options, module="cockpit"),
        cwd=place.folder,
        env={**place.environ(), "DASHBOARD_PORT": str(_free_port())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert view.stdout is not None
    try:
        yield view.stdout.readline().removeprefix("cockpit: ").strip()
    finally:
        view.terminate()
        view.wait(30.0)
        view.stdout.close()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """Everything is started once."""
    folder = Path(tempfile.mkdtemp(prefix="ckw-"))
    place = Place(folder)
    write_config(place)
    try:
        with (
            headless(place),
            serving(place) as looking,
            serving(place, "--token") as acting,
            chromium() as port,
        ):
            yield Web(place, looking, acting, port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_without_a_token_the_page_shows_the_cockpit_and_no_key_does_anything(web: Web) -> None:
    async with page(web.browser) as tab:
        await tab.open(web.looking)
        await tab.expect(tab.terminal, "simulated prices")
        await tab.expect(tab.terminal, "S00")
        assert await tab.value("document.querySelectorAll('.xterm-screen canvas').length") > 0

        await tab.press("p", "H", "T", "y")
        await tab.expect(tab.terminal, "read-only")

    assert asked(web.place) == [], "a key of a read-only page reached the engine"


async def test_a_page_of_another_site_gets_no_line_to_the_cockpit(web: Web) -> None:
    port = web.looking.rstrip("/").rpartition(":")[2]
    async with page(web.browser) as tab:
        await tab.open(web.looking)
        await tab.expect(tab.text, "cockpit")
        assert await tab.value(SOCKET.format(port=port)) == "open", "its own page"
        await tab.open(web.acting.partition("?")[0])
        await tab.expect(tab.text, "cockpit")
        assert await tab.value(SOCKET.format(port=port)) == "refused", "a page of another origin"


async def test_a_wrong_token_opens_nothing_and_the_right_one_acts(web: Web) -> None:
    address, _, _token = web.acting.partition("?")
    async with page(web.browser) as tab:
        await tab.open(f"{address}?token=guess")
        await tab.expect(tab.text, "open the address with its token")
        assert asked(web.place) == []

        await tab.open(web.acting)
        await tab.expect(tab.terminal, "WATCHING")
        assert await tab.value("location.search") == "", "the token does not stay in the address"
        await tab.press("T")
        await tab.expect(tab.terminal, "always")
        await tab.press("y")
        await eventually_async(lambda: "take_over" in asked(web.place), why="the seat to be taken over")
        await tab.press("p")
        await eventually_async(lambda: "pause" in asked(web.place), why="the pause to reach the engine")
