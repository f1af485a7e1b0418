"""The file by which anybody on the machine kills: written by a person, found by whatever engine runs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.storm.weather import Blow, Weather

NOWHERE = Path("/nonexistent")
NAME = "KILL"


class KillFile:
    """A state folder that holds nothing else. There is none where the weather writes no such file."""

    def __init__(self, weather: Weather) -> None:
        wanted = any(moment.blow is Blow.KILL_FILE for moment in weather.blows)
        self.folder = Path(tempfile.mkdtemp(prefix="storm-kill-")) if wanted else NOWHERE
        self.is_awaited = False
        """Written, and its KILL not seen to be on yet."""

    def write(self) -> None:
        """Somebody wants everything stopped."""
        self.is_awaited = True
        (self.folder / NAME).write_text("storm", encoding="utf-8")

    @property
    def is_there(self) -> bool:
        """Nobody has taken it yet."""
        return self.folder is not NOWHERE and (self.folder / NAME).exists()

    def close(self) -> None:
        """Let go of the folder."""
        if self.folder is not NOWHERE:
            shutil.rmtree(self.folder)
