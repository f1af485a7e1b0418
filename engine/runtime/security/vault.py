"""Finds secrets: in the environment, else in the machine's keyring; nowhere else."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from engine.config import Config
from engine.config.redaction import SECRET_VARIABLES
from engine.config.secrecy import Secret

KEYRING_SERVICE: Final = "cockpit"
CHANNEL: Final = "alert-"
"""What the name of a channel's address begins with."""


class Found(NamedTuple):
    """A secret and where it lay."""

    secret: Secret
    source: str


class VaultError(Exception):
    """The keyring is there and did not answer; the text says so and holds no secret."""


def names_in_use(config: Config) -> tuple[str, ...]:
    """Every secret that this configuration needs."""
    channels = dict.fromkeys((*config.alerts.channels, *config.alerts.escalation))
    return tuple(f"{CHANNEL}{name}" for name in channels)


def variable_of(name: str) -> str:
    """The variable of the environment that holds it."""
    return f"{SECRET_VARIABLES}{name.removeprefix(CHANNEL).upper()}"


def find(name: str, environ: Mapping[str, str]) -> Found | None:
    """The secret of this name; None where there is none. May take its time. Raises VaultError."""
    variable = variable_of(name)
    told = environ.get(variable, "").strip()
    if told:
        return Found(Secret(told), f"environment {variable}")
    kept = _from_keyring(name)
    return Found(Secret(kept), "keyring") if kept else None


def how_to_give(name: str) -> str:
    """What a person does where it is missing."""
    return f"set {variable_of(name)}, or store it with `keyring set {KEYRING_SERVICE} {name}`"


def _from_keyring(name: str) -> str | None:
    """What the keyring holds; None without one: it is an extra, and the environment will do."""
    keyring = imported("keyring")
    if keyring is None:
        return None
    try:
        found: str | None = keyring.get_password(KEYRING_SERVICE, name)
    except keyring.errors.NoKeyringError:  # a server without a desktop: installed, but nothing to ask
        return None
    except Exception as err:
        raise VaultError(f"the keyring could not be asked for {name}: {type(err).__name__}") from err
    return found


def imported(name: str) -> Any:
    """An optional library; None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None
