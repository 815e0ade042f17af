"""Files and texts from outside: bounds, and sentences for disks that take nothing."""

import errno
import os
import time

import pytest

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.files import (
    ABANDONED,
    is_file,
    open_plain,
    parse_json,
    read_small,
    remove_abandoned,
    shown,
    used_last,
    write_error,
)


def test_what_is_no_json_is_a_value_error_however_deep():
    assert parse_json('{"a": [1]}') == {"a": [1]}
    for text in ("[" * 100_000, "{", b"\xff", "9" * 5000):
        with pytest.raises(ValueError):
            parse_json(text)


def test_a_small_file_is_read_and_a_long_one_is_not(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_small(tmp_path / "a", 5) == b"12345"
    os.truncate(tmp_path / "a", 2**40)
    with pytest.raises(ValueError, match="it is longer than 1 MiB"):
        read_small(tmp_path / "a", 2**20)


def test_a_name_that_no_file_can_have_is_no_file_and_is_shown_short(tmp_path):
    (tmp_path / "a").touch()
    assert is_file(tmp_path / "a") and not is_file(tmp_path)
    for name in ("x" * 4000, "a\0b", "\ud800", "x/" * 4000):
        assert not is_file(tmp_path / name)
    assert shown("a") == "a" and shown("x" * 4000) == "x" * 97 + "..."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes in its folders")
def test_what_may_never_end_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe", tmp_path / "zeros", tmp_path):
        with pytest.raises(OSError, match="it is no plain file"):
            open_plain(path)
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "none")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, r"The disk is full: a needs 3 MiB in .*x\. Free some space and queue again\. Kept\."),
        (errno.EROFS, r"a cannot be written to .*x \(Read-only file system\)\. .* then queue again\. Kept\."),
        (errno.EACCES, r"a cannot be written to .*x \(Permission denied\)"),
    ],
)
def test_why_a_file_cannot_be_written_is_said(tmp_path, number, said):
    error = write_error(OSError(number, os.strerror(number)), tmp_path / "x" / "a", 3 * 2**20, " Kept.")
    assert isinstance(error, VaceInputError)
    with pytest.raises(VaceInputError, match=said):
        raise error


@pytest.mark.parametrize("ahead", [-2, 2])
def test_what_a_killed_process_began_is_let_go_of_also_when_the_clock_was_set_back(tmp_path, ahead):
    left, begun = tmp_path / "a.part", tmp_path / "b.part"
    for part in (left, begun):
        part.write_bytes(b"half")
    moved = time.time() + ahead * ABANDONED
    os.utime(left, (moved, moved))
    remove_abandoned([left, begun, tmp_path / "gone.part"])
    assert not left.exists() and begun.exists()


def test_a_file_of_the_future_counts_as_used_longest_ago(tmp_path):
    ages = {"old": -1000, "new": -10, "future": 1000}
    for name, age in ages.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() + age, time.time() + age))
    assert [path.name for path in sorted(tmp_path.iterdir(), key=used_last)] == ["future", "old", "new"]
