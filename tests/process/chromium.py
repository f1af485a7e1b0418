"""A real headless Chromium, driven over its debugging port: pages of one test, what they show and hear."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.waiting import eventually

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""None where the machine has none."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b[@-Z\\-_]")
_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "about:blank")
_BINARY_FRAME = 2
_KEY = "Input.dispatchKeyEvent"
_STEP_S = 0.05


@contextmanager
def chromium() -> Iterator[int]:
    """A browser with a profile of its own; the port at which it can be driven."""
    assert BINARY is not None
    profile = Path(tempfile.mkdtemp(prefix="ckb-"))
    quiet = subprocess.DEVNULL
    browser = subprocess.Popen([BINARY, f"--user-data-dir={profile}", *_OPTIONS], stdout=quiet, stderr=quiet)
    told = profile / "DevToolsActivePort"
    try:
        # Its first line is the port; the second is written when it listens.
        yield int(eventually(lambda: told.read_text().split()[:-1] if told.exists() else [])[0])
    finally:
        browser.terminate()
        browser.wait(30.0)
        shutil.rmtree(profile, ignore_errors=True)


class Page:
    """One tab."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self._line = line
        self._asked = 0
        self._frames: list[str] = []

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Ask the browser for something, and note what it tells meanwhile."""
        self._asked += 1
        await self._line.send_json({"id": self._asked, "method": method, "params": parameters})
        while True:
            told: dict[str, Any] = await self._line.receive_json(timeout=60.0)
            if told.get("id") == self._asked:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result
            self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        """What came over the page's websocket: the terminal's bytes are the binary frames."""
        if told["method"] == "Network.webSocketFrameReceived":
            frame = told["params"]["response"]
            if frame["opcode"] == _BINARY_FRAME:
                self._frames.append(base64.b64decode(frame["payloadData"]).decode("utf-8", "replace"))

    async def open(self, address: str) -> None:
        """Go there."""
        await self.call("Page.navigate", url=address)

    async def value(self, script: str) -> Any:
        """What a script gives; a promise is waited for."""
        told = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return told["result"].get("value")

    async def text(self) -> str:
        """The text of the page itself."""
        return str(await self.value("document.body?.innerText ?? ''"))

    async def terminal(self) -> str:
        """What the terminal in it was told to draw so far, without escape sequences."""
        await self.value("1")
        return _ESCAPES.sub("", "".join(self._frames))

    async def expect(self, look: Callable[[], Awaitable[str]], text: str, *, within_s: float = 60.0) -> None:
        """Wait until `look` shows the text."""
        ends_s = time.monotonic() + within_s
        while text not in (shown := await look()):
            assert time.monotonic() < ends_s, f"not within {within_s:g} s: {text!r}; got {shown[-500:]!r}"
            await asyncio.sleep(_STEP_S)

    async def press(self, *keys: str) -> None:
        """Press keys on the terminal, one after the other."""
        await self.call("Page.bringToFront")
        await self.value("document.querySelector('.xterm-helper-textarea').focus()")
        for key in keys:
            number = ord(key.upper())
            await self.call(_KEY, type="keyDown", key=key, text=key, windowsVirtualKeyCode=number)
            await self.call(_KEY, type="keyUp", key=key, windowsVirtualKeyCode=number)


@asynccontextmanager
async def page(port: int) -> AsyncIterator[Page]:
    """A new tab of the browser at this port."""
    async with aiohttp.ClientSession() as session:
        async with session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer:
            target = await answer.json()
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as line:
            opened = Page(line)
            for domain in ("Page", "Network", "Runtime"):
                await opened.call(f"{domain}.enable")
            yield opened
        async with session.get(f"http://127.0.0.1:{port}/json/close/{target['id']}"):
            return
