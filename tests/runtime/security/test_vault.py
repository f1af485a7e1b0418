"""Where secrets come from: the environment first, else the machine's keyring, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.runtime.security.vault import VaultError, find

SECRET = "tgram://canary-of-the-keyring/42"

keyring: Any = pytest.importorskip("keyring", reason="the extra 'alerts' is not installed")


def _holding(kept: dict[tuple[str, str], str], error: Exception | None = None) -> object:
    """A real backend of the library that keeps its secrets in a dict."""

    class Kept(keyring.backend.KeyringBackend):  # type: ignore[misc]  # the library has no types here
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            if error is not None:
                raise error
            return kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            kept[service, username] = password

    return Kept()


@pytest.fixture(autouse=True)
def _own_keyring_back() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


@pytest.mark.req("REQ-SEC1")
def test_a_secret_comes_from_the_keyring_where_the_environment_has_none() -> None:
    keyring.set_keyring(_holding({("cockpit", "alert-phone"): SECRET}))

    found = find("alert-phone", {})

    assert found is not None
    assert (found.secret.reveal(), found.source) == (SECRET, "keyring")
    assert "canary" not in repr(found)


def test_the_environment_comes_before_the_keyring() -> None:
    keyring.set_keyring(_holding({("cockpit", "alert-phone"): SECRET}))

    found = find("alert-phone", {"COCKPIT_ALERT_PHONE": "json://other"})

    assert found is not None
    assert found.secret.reveal() == "json://other"


def test_a_machine_without_any_keyring_has_no_secret_and_no_error() -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())

    assert find("alert-phone", {}) is None


def test_a_keyring_that_is_locked_is_an_error_that_tells_no_secret() -> None:
    keyring.set_keyring(_holding({}, RuntimeError(SECRET)))

    with pytest.raises(VaultError, match="alert-phone: RuntimeError") as caught:
        find("alert-phone", {})

    assert "canary" not in str(caught.value)
