"""Secrets and purge from a real shell: what is refused, what is said, what stays private."""

from __future__ import annotations

import pytest

from tests.process.terminal import Place

pytestmark = pytest.mark.slow

SECRET = "AAF0kenWithManyLettersInIt0123456789ab"


@pytest.mark.req("REQ-SEC1")
def test_no_command_starts_with_a_secret_in_its_configuration(place: Place) -> None:
    (place.folder / "cockpit.toml").write_text(f"[alerts]\n# a comment\nphone_token = '{SECRET}'\n")

    refused = place.run("--paper", "--headless")

    assert refused.returncode == 2
    assert (
        "cockpit.toml:3: alerts.phone_token is refused: a secret must not stand in a file" in refused.stderr
    )
    assert SECRET not in refused.stderr + refused.stdout


@pytest.mark.req("REQ-SEC2", "REQ-RET1")
def test_a_change_is_recorded_listed_and_kept_private(place: Place) -> None:
    assert place.run("secrets", "rotated", "gateway", "--on", "2020-01-01").returncode == 0
    listed = place.run("secrets", "list")
    assert listed.returncode == 1
    assert "gateway: changed 2020-01-01" in listed.stdout
    assert "due after 90" in listed.stdout

    mistaken = place.run("secrets", "rotated", SECRET)
    assert mistaken.returncode == 2
    assert SECRET not in mistaken.stderr

    assert place.run("purge", "--yes").returncode == 0
    assert {path.stat().st_mode & 0o077 for path in place.state.rglob("*")} == {0}
    assert place.state.stat().st_mode & 0o077 == 0
