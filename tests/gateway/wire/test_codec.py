"""The codec survives every byte and loses none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gateway.codec import (
    UNSET_INT,
    FieldError,
    FieldReader,
    FrameError,
    FrameSplitter,
    field_text,
    frame,
    message,
    split_fields,
)
from engine.gateway.model import UNSET

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=10), st.data())
def test_frames_come_out_whole_however_the_stream_is_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(frame(payload) for payload in payloads)
    splitter = FrameSplitter()
    seen = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        splitter.feed(stream[:cut])
        stream = stream[cut:]
        while (payload := splitter.next_payload()) is not None:
            seen.append(payload)

    assert seen == payloads
    assert splitter.pending_bytes == 0


@given(st.lists(printable, min_size=1, max_size=8), st.integers(-(10**12), 10**12), st.booleans())
def test_fields_written_are_the_fields_read(texts: list[str], number: int, flag: bool) -> None:
    reader = FieldReader(split_fields(message(*texts, number, flag)[4:]))

    assert [reader.text("text") for _ in texts] == texts
    assert reader.integer("number") == number or number == UNSET_INT
    assert reader.flag("flag") is flag
    assert reader.left == 0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_every_bit(value: float) -> None:
    read = FieldReader([field_text(value)]).number("value")

    assert read == value or (value == UNSET and read is None)


def test_whole_numbers_carry_no_point_and_unset_and_infinity_have_their_words() -> None:
    assert field_text(100.0) == "100"
    assert field_text(0.25) == "0.25"
    assert field_text(UNSET) == "1.7976931348623157E308"
    assert field_text(math.inf) == "Infinite"
    assert field_text(None) == ""
    assert field_text(True) == "1"


@given(st.text(max_size=30))
def test_text_leaves_as_ascii_and_reads_back_through_unicode_escapes(text: str) -> None:
    written = field_text(text)

    assert written.isascii()
    if "\\" not in text and "\0" not in text and not any(0xD800 <= ord(char) < 0xE000 for char in text):
        assert written.encode().decode("unicode-escape") == text


@pytest.mark.parametrize("length", [0, 0x1000000, 0xFFFFFFFF])
def test_an_impossible_length_is_an_error_before_anything_is_stored(length: int) -> None:
    splitter = FrameSplitter()
    splitter.feed(length.to_bytes(4, "big"))

    with pytest.raises(FrameError, match=str(length)):
        splitter.next_payload()


def test_control_characters_from_a_client_are_removed() -> None:
    assert split_fields(b"3\0\x1b[2Jref\x07\0") == ["3", "[2Jref"]


@pytest.mark.parametrize(
    ("text", "read"),
    [("x", "integer"), ("1.5", "integer"), ("x", "number"), ("nan", "number"), ("2", "flag")],
)
def test_a_field_of_the_wrong_kind_is_named(text: str, read: str) -> None:
    with pytest.raises(FieldError, match="'size'"):
        getattr(FieldReader([text]), read)("size")


def test_a_message_that_ends_early_names_the_missing_field() -> None:
    with pytest.raises(FieldError, match="'orderId'"):
        FieldReader([]).integer("orderId")


@pytest.mark.parametrize("text", ["-1", "1001", "99999999999"])
def test_the_length_of_a_list_is_bounded(text: str) -> None:
    with pytest.raises(FieldError, match="between 0 and 1000"):
        FieldReader([text]).count("legs", most=1000)
