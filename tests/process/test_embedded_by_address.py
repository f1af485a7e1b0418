"""An embedded gateway is simulated by whatever route it is reached: shown so, and its state kept so."""

from __future__ import annotations

import subprocess

import pytest

from engine.runtime.process.gateway_process import is_gateway, plan_for, read_status
from tests.process.terminal import ROOT, Place
from tests.waiting import eventually

pytestmark = pytest.mark.slow


def test_reached_by_host_and_port_it_still_counts_as_simulated_and_keeps_its_own_time(place: Place) -> None:
    plan = plan_for(place.folder, speed=1.0, seed=1, world="edge", tape="", start_at="10:00")
    environ = place.environ()
    gateway = subprocess.Popen(
        [*place.command(module="engine.gateway"), "--state", str(plan.state_dir), *plan.arguments],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    engine = None
    try:
        told = eventually(lambda: read_status(plan.status_path), within_s=30.0, why="the gateway listens")
        assert told is not None
        (place.folder / "cockpit.toml").write_text("", encoding="utf-8")
        engine = subprocess.Popen(
            place.command("--paper", "--headless", module="cockpit"),
            cwd=place.folder,
            env=environ | {"IB_PORT": str(told["port"])},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def ready() -> dict[str, object] | None:
            status = place.status()
            return status if status is not None and status["engine_state"] == "READY" else None

        status = eventually(ready, within_s=40.0, why="READY")
        assert status is not None
        clock = status["clock"]

        assert (status["gateway"], status["gateway_text"]) == ("embedded", "simulated prices")
        assert isinstance(clock, dict)
        assert clock["is_open"]
        assert [folder.name for folder in place.state.glob("*-DU*")] == ["embedded-DU9000001"]
        assert place.run("stop", "--keep").returncode == 0
        assert engine.wait(20.0) == 0
        assert is_gateway(gateway.pid)
    finally:
        if engine is not None and engine.poll() is None:
            engine.kill()
            engine.wait()
        gateway.terminate()
        gateway.wait(20.0)
