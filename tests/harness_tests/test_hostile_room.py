"""The memory that is told of a case is what it took for itself; pages of files, such as libraries, come on top."""

import mmap
import os
import time
from pathlib import Path

import pytest
import torch

from harness.host.processes import memory_in
from harness.hostile import room
from harness.hostile.case import READ, Case

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a process for each file is forked")

MB = 2**20


def _hundred_megabytes(folder):
    path = folder / "pages"
    path.write_bytes(bytes(100 * MB))
    return path


def _every_page(path):
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        return sum(pages[:: mmap.PAGESIZE])


def _allocated(_given):
    held = torch.ones(100 * MB, dtype=torch.uint8)
    time.sleep(0.5)  # it is looked at every few milliseconds, more seldom on a busy machine
    return int(held[-1])


def _in_small_parts(_given):
    held = [bytearray(16 * 2**10) for _ in range(100 * MB // (16 * 2**10))]
    time.sleep(0.5)
    return len(held)


def test_pages_of_files_do_not_count_where_the_kernel_tells_them_apart():
    told_apart = "RssAnon" in Path("/proc/self/status").read_text("utf-8")
    result = room.run(Case("test", "pages", _hundred_megabytes, _every_page, READ))
    assert not result.fault and result.bytes < (50 if told_apart else 150) * MB


def test_what_is_allocated_counts():
    result = room.run(Case("test", "memory", lambda folder: folder, _allocated, READ))
    assert not result.fault and 95 * MB < result.bytes < 150 * MB


def test_what_was_freed_and_kept_hides_nothing():
    """As in a process that did much before: freed pages that the C library keeps, and gives back at any time."""
    blocks = [bytearray(16 * 2**10) for _ in range(20_000)]
    del blocks[::2]
    result = room.run(Case("test", "memory", lambda folder: folder, _allocated, READ))
    del blocks[:-1]
    again = room.run(Case("test", "memory", lambda folder: folder, _in_small_parts, READ))
    assert all(95 * MB < each.bytes < 150 * MB for each in (result, again)), (result, again)


@pytest.mark.parametrize(
    "status, expected",
    [
        ("VmRSS:\t9 kB\nRssAnon:\t4 kB\nRssFile:\t3 kB\nRssShmem:\t2 kB\nVmData:\t99 kB", 6 * 1024),
        ("VmSize:\t99 kB\nVmRSS:\t9 kB\nThreads:\t1", 9 * 1024),
        ("Name:\tpython\nState:\tZ (zombie)", 0),
    ],
    ids=["Linux", "gVisor", "ended"],
)
def test_memory_is_found_in_what_each_kernel_tells(status, expected):
    assert memory_in(status) == expected


@pytest.mark.parametrize(("megapixels", "seconds"), [(0, 10), (0.1, 11), (33 * 4096 * 4096 / 1e6, 38)])
def test_a_video_has_time_for_what_is_in_it(megapixels, seconds):
    case = Case("videos", "large", lambda folder: folder, lambda given: None, READ, megapixels=megapixels)
    assert room._seconds(case) == seconds
