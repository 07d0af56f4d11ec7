"""Messages are one line, whatever they quote."""

import os

import pytest

from workflow_scripts.common.errors import InputError, reason


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\0b", os.fsdecode(b"a\xe9b"), "a\u2028b", "a\tb"])
def test_a_message_is_one_line_that_can_be_written_anywhere(text):
    line = str(InputError(f"{text}: no such file"))
    assert len(line.splitlines()) == 1
    assert line.encode().startswith(b"a\\")
    assert line.endswith("b: no such file")


def test_what_can_be_printed_stays():
    assert str(InputError('ümläut 猫 𝒳 it\'s: "no"')) == 'ümläut 猫 𝒳 it\'s: "no"'


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError(), "ValueError"),
        (ValueError("\n \nfirst\nsecond"), "first"),
        (OSError(2, "No such file"), "[Errno 2] No such file"),
        (AssertionError(""), "AssertionError"),
    ],
)
def test_every_exception_has_a_reason(error, words):
    assert reason(error) == words
