"""Writing to a terminal that may stall or vanish, without being held up by it."""

from __future__ import annotations

import os
import pty
import select
import threading
from collections.abc import Iterator

import pytest

from cockpit.terminal import FIRST_FRAME_BYTES, TerminalOutput, driver_for
from tests.waiting import eventually


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """Master and slave of a pty."""
    master, slave = pty.openpty()
    yield master, slave
    for descriptor in (master, slave):
        try:
            os.close(descriptor)
        except OSError:
            continue


def in_thread(output: TerminalOutput) -> threading.Thread:
    """Flush as Textual does: on a writing thread."""
    thread = threading.Thread(target=output.flush, daemon=True)
    thread.start()
    return thread


def _read_until_ended(master: int, flushing: threading.Thread) -> None:
    """Take what comes until the flush is over; never wait for bytes that may not come any more."""

    def over() -> bool:
        readable, _, _ = select.select([master], [], [], 0.01)
        if readable:
            os.read(master, 65536)
        return not readable and not flushing.is_alive()

    eventually(over)


def test_what_is_written_arrives_and_the_first_frame_is_told_once(ends: tuple[int, int]) -> None:
    output, frames = TerminalOutput(ends[1]), []
    output.on_first_frame = lambda: frames.append(1)
    output.write("x")
    in_thread(output).join(60.0)
    assert frames == []

    for _ in range(2):
        output.write("y" * FIRST_FRAME_BYTES)
        _read_until_ended(ends[0], in_thread(output))

    assert frames == [1]
    assert not output.gave_up
    output.close()


def test_a_stalled_terminal_holds_a_flush_until_it_is_given_up(ends: tuple[int, int]) -> None:
    output, lost = TerminalOutput(ends[1]), []
    output.on_lost = lambda: lost.append(1)
    output.write("z" * 1_000_000)
    flushing = in_thread(output)
    flushing.join(0.3)
    assert flushing.is_alive(), "nobody reads, so it waits"

    output.give_up_after(0.1)
    flushing.join(60.0)

    assert not flushing.is_alive()
    assert output.gave_up
    assert lost == [], "given up is not lost"
    output.close()


def test_a_terminal_that_hangs_up_is_told_once_and_further_writes_cost_nothing(ends: tuple[int, int]) -> None:
    output, lost = TerminalOutput(ends[1]), []
    output.on_lost = lambda: lost.append(1)
    os.close(ends[0])

    for _ in range(3):
        output.write("gone" * 1000)
        flushing = in_thread(output)
        flushing.join(60.0)
        assert not flushing.is_alive()

    assert lost == [1]
    output.close()


def test_writing_never_makes_the_shells_own_descriptor_nonblocking(ends: tuple[int, int]) -> None:
    output = TerminalOutput(ends[1])

    assert output.fileno() != ends[1]
    assert os.get_blocking(ends[1])
    assert not os.get_blocking(output.fileno())
    output.close()


def test_the_end_of_input_is_told_once_and_ends_the_reading_thread(ends: tuple[int, int]) -> None:
    lost: list[int] = []
    output = TerminalOutput(ends[1])
    driver_class = driver_for(output, on_lost=lambda: lost.append(1))
    driver = driver_class.__new__(driver_class)  # only its reading is looked at: no app, no application mode
    driver.fileno, driver.exit_event, driver._debug = ends[1], threading.Event(), False
    reading = threading.Thread(target=driver.run_input_thread, daemon=True)
    reading.start()

    os.close(ends[0])
    reading.join(60.0)

    assert not reading.is_alive()
    assert lost == [1]
    output.close()
