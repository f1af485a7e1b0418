"""A machine of its own for the loader: a folder, an environment, nothing of the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.config import Loaded, load


@dataclass
class Place:
    """Where a person stands when starting the cockpit."""

    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def cwd(self) -> Path:
        return self.home / "work"

    def write(self, text: str, *, name: str = "cockpit.toml") -> Path:
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def load(
        self,
        *,
        path: Path | None = None,
        overrides: Mapping[str, object] | None = None,
        mode: str | None = None,
        **environ: str,
    ) -> Loaded:
        variables = {"HOME": str(self.home), **self.environ, **environ}
        return load(path=path, overrides=overrides or {}, environ=variables, cwd=self.cwd, mode=mode)
