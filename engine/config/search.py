"""Where files are: the configuration, and the folders that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.config.errors import ConfigError, Layer, Origin, Problem, shown

FILE_NAME = "cockpit.toml"


def find_file(path: Path | None, *, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The configuration file: `path`, $COCKPIT_CONFIG, cockpit.toml from `cwd` upward, the user's own.

    None where there is none. Raises ConfigError where one was named and is not a file.
    """
    named, origin = path, Origin(Layer.COMMAND_LINE)
    if named is None and environ.get("COCKPIT_CONFIG"):
        named, origin = Path(environ["COCKPIT_CONFIG"]), Origin(Layer.ENVIRONMENT, "COCKPIT_CONFIG")
    if named is not None:
        file = (cwd / named.expanduser()).absolute()
        if not is_file(file):
            raise ConfigError(Problem(origin, "", f"names {shown('', str(file))}, which is not a file"))
        return file
    above = [folder / FILE_NAME for folder in (cwd.absolute(), *cwd.absolute().parents)]
    own = _xdg(environ, "XDG_CONFIG_HOME", ".config") / "cockpit" / FILE_NAME
    return next((file for file in (*above, own) if is_file(file)), None)


def state_folder(
    folder: str, origin: Origin | None, *, file: Path | None, cwd: Path, environ: Mapping[str, str]
) -> Path:
    """Absolute folder of the state; the user's own state folder where nothing names one."""
    if origin is None and file is None:
        return _xdg(environ, "XDG_STATE_HOME", ".local/state") / "cockpit"
    return based(folder, origin, file=file, cwd=cwd)


def based(folder: str, origin: Origin | None, *, file: Path | None, cwd: Path) -> Path:
    """A folder named in a file counts from that file; one named at a shell from where the person is."""
    is_shell = origin is not None and origin.layer in {Layer.ENVIRONMENT, Layer.COMMAND_LINE}
    base = cwd if is_shell or file is None else file.parent
    return (base / Path(folder).expanduser()).absolute()


def is_file(path: Path) -> bool:
    """True for a file; a folder that may not be looked into holds none for us."""
    try:
        return path.is_file()
    except OSError:
        return False


def _xdg(environ: Mapping[str, str], variable: str, fallback: str) -> Path:
    value = environ.get(variable, "")
    return Path(value) if value.startswith("/") else Path(environ.get("HOME", "/")) / fallback
