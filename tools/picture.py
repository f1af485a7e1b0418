"""Draws docs/cockpit.svg, the picture in the README, from the same still state the tests use.

Run `python -m tools.picture` from the project's root after the screen has changed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cockpit.app import CockpitApp
from cockpit.settings import UiSettings
from tests.cockpit.scripted import NORMAL, NOW, ScriptedHandle

TARGET = Path(__file__).resolve().parent.parent / "docs" / "cockpit.svg"
SIZE = (124, 40)


async def draw() -> str:
    """The cockpit's normal state as SVG."""
    app = CockpitApp(
        ScriptedHandle(NORMAL), settings=UiSettings(freeze_gc=False), clock=lambda: NOW, monotonic=lambda: 0.0
    )
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await pilot.pause()
        return app.export_screenshot(title="cockpit --paper")


def main() -> None:
    """Write the picture."""
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(asyncio.run(draw()), encoding="utf-8")
    sys.stdout.write(f"wrote {TARGET.name}\n")


if __name__ == "__main__":
    main()
