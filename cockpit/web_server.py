"""Serves the attach client as a web page: textual-serve behind a guard that it does not have itself."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web
from textual_serve.server import Server

from cockpit.web_guard import COOKIE, Asked, Guard, Verdict

MOST_VIEWS: Final = 8
"""Pages at once: each is a process of its own."""
_HEADERS: Final = {
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebView(Server):
    """One address; each page of it is an attach client of its own, read-only without a token."""

    def __init__(self, socket: Path, *, host: str, port: int, token: str = "", config: Path | None) -> None:
        role = "watcher" if token else "viewer"
        words = [sys.executable, "-m", "cockpit.web_client", os.fspath(socket), role]
        words += [] if config is None else [os.fspath(config)]
        super().__init__(shlex.join(words), host=host, port=port, title="cockpit")
        self._guard = Guard(host=host, port=port, token=token)
        self._open = 0

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guarded)
        return app

    def initialize_logging(self) -> None:
        """No log of requests: the first one has the token in its address."""

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: the command has said it."""

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One page; past the limit it is refused instead of starting another process."""
        if self._open >= MOST_VIEWS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_VIEWS} views are open; close one\n")
        self._open += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._open -= 1

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        verdict = self._guard.judge(_asked(request))
        if verdict is Verdict.SIGN_IN:
            response: web.StreamResponse = web.Response(status=302, headers={"Location": "/"})
            response.set_cookie(COOKIE, self._guard.cookie, httponly=True, samesite="Strict")
        elif verdict is Verdict.PASS:
            response = await handler(request)
        else:
            status = 401 if verdict is Verdict.NO_TOKEN else 403
            response = web.Response(status=status, text=f"cockpit: {verdict.value}\n")
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response


def _asked(request: web.Request) -> Asked:
    return Asked(
        host=request.headers.get("Host", ""),
        origin=request.headers.get("Origin"),
        is_socket=request.headers.get("Upgrade", "").lower() == "websocket" or request.path == "/ws",
        shown_token=request.query.get("token", ""),
        cookie=request.cookies.get(COOKIE, ""),
    )
