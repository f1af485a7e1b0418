"""The life of a gateway process: one per state folder, starts, serves, saves, and ends with a reason."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Final

from engine.gateway.admin import ADMIN_SOCKET, AdminSocket
from engine.gateway.assembly import Gateway, build
from engine.gateway.journal import JournalError
from engine.gateway.model import GatewaySettings
from engine.gateway.ports import MarketError
from engine.gateway.server import LOOPBACK, GatewayServer
from engine.gateway.status import (
    STATUS_FILE,
    AlreadyRunningError,
    StateLock,
    differences,
    read_status,
    write_status,
)
from engine.gateway.wire_text import EXCHANGE_ZONE

log = logging.getLogger("engine.gateway")

DONE: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2
REFUSED: Final = 4
_STATUS_INTERVAL_S: Final = 1.0
_STATUS_WAIT_S: Final = 2.0


def run(settings: GatewaySettings) -> int:
    """Run a gateway until it is told to stop or is left alone; returns the exit code."""
    state_dir = Path(settings.state_dir)
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = StateLock(state_dir)
        # What a killed predecessor left would send clients to a port that is nobody's, or somebody else's.
        (state_dir / STATUS_FILE).unlink(missing_ok=True)
    except AlreadyRunningError:
        return _report_running(settings, state_dir)
    except OSError as error:
        return _say(f"state folder {state_dir} cannot be used: {error}. Choose a writable one with --state")
    try:
        return _run_locked(settings)
    finally:
        lock.release()


def _say(text: str, *, code: int = FAILED) -> int:
    sys.stderr.write(f"gateway: {text}\n")
    return code


def _report_running(settings: GatewaySettings, state_dir: Path) -> int:
    """Another gateway has the folder: the same one is named, a different one refused."""
    running = _wait_for_status(state_dir)
    if running is None:
        return _say(f"another gateway holds {state_dir} but does not say where it runs", code=REFUSED)
    where = f"{LOOPBACK}:{running.get('port')} (pid {running.get('pid')})"
    found = differences(running, settings)
    if found:
        text = "; ".join(found)
        return _say(f"a gateway with other settings runs at {where}: {text}. Stop it first", code=REFUSED)
    sys.stdout.write(f"already running at {where}\n")
    return DONE


def _wait_for_status(state_dir: Path) -> dict[str, object] | None:
    """The status of the gateway that holds the lock; it may be starting this very moment."""
    deadline = time.monotonic() + _STATUS_WAIT_S
    while True:
        status = read_status(state_dir)
        if status is not None and status.get("running"):
            return dict(status)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.05)


def _run_locked(settings: GatewaySettings) -> int:
    today = dt.datetime.now(EXCHANGE_ZONE).date()
    try:
        gateway = build(settings, monotonic=time.monotonic, today=today)
    except JournalError as error:
        return _say(str(error))
    except (MarketError, ValueError, OSError) as error:
        return _say(f"cannot start: {error}", code=WRONG_USE)
    try:
        return asyncio.run(GatewayProcess(gateway).main())
    finally:
        gateway.journal.close()


class GatewayProcess:
    """A built gateway between listening and its end."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._venue = gateway.venue
        self._settings = gateway.venue.settings
        self._server = GatewayServer(gateway.venue)
        self._admin = AdminSocket(self._server)
        self._stop = asyncio.Event()
        self._port = 0
        self._next_status = 0.0

    async def main(self) -> int:
        """Serve until stopped; returns the exit code."""
        try:
            self._port = await self._server.listen(self._settings.port)
        except OSError as error:
            return _say(
                f"port {self._settings.port} on {LOOPBACK} cannot be opened: {error.strerror}. "
                "Choose another with --port, or 0 for any free one"
            )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        try:
            await self._open_drills()
            self._write_status()
            self._announce()
            # Instruments, paths and modules live as long as the process: no collection need walk over them.
            gc.freeze()
            await self._server.pump(until=self._stop, each_turn=self._keep_house)
        except JournalError as error:
            return _say(str(error))
        except MarketError as error:
            return _say(str(error), code=WRONG_USE)
        except OSError as error:
            return _say(f"stopped: {error}. What was acknowledged is in the journal")
        finally:
            await self._finish()
        return DONE

    async def _open_drills(self) -> None:
        path = Path(self._settings.state_dir) / ADMIN_SOCKET
        try:
            await self._admin.listen(path)
        except OSError as error:
            # A folder deeper than a socket path may be long costs the drills, not the gateway.
            log.warning("no drill socket at %s: %s", path, error)

    def _announce(self) -> None:
        sys.stdout.write(f"listening on {LOOPBACK}:{self._port}\n")
        sys.stdout.flush()
        start = dt.datetime.fromtimestamp(self._gateway.start.epoch, EXCHANGE_ZONE)
        # Only a tape has notes: rows it dropped and files it passed over, which must be seen.
        for note in getattr(self._venue.market, "notes", ()):
            log.warning("tape: %s", note)
        log.info("account %s, exchange time %s", self._settings.account, start.isoformat())

    def _keep_house(self) -> None:
        now = time.monotonic()
        if self._server.alone_s >= self._settings.idle_exit_s:
            log.info("nobody connected for %.0f s: saved, exiting", self._settings.idle_exit_s)
            self._stop.set()
        if now >= self._next_status:
            self._next_status = now + _STATUS_INTERVAL_S
            self._gateway.journal.mark_clock(self._venue.reached)
            self._write_status()

    def _write_status(self, *, is_running: bool = True) -> None:
        write_status(
            self._venue,
            port=self._port,
            monotonic=time.monotonic(),
            realtime=time.time(),
            is_running=is_running,
        )

    async def _finish(self) -> None:
        """Freeze the clock, save, let the clients go."""
        clock = self._venue.clock
        clock.freeze()
        # What the market was not advanced to never happened: the next start goes on from there.
        clock.jump(self._venue.reached)
        try:
            self._gateway.journal.mark_clock(self._venue.reached)
            self._write_status(is_running=False)
        except (JournalError, OSError) as error:
            log.warning("the last save failed: %s", error)
        await self._admin.close()
        await self._server.close()
