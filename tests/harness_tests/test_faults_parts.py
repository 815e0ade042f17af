"""Processes that are killed, that end themselves, that fail in a sentence; and what is judged to be wrong with each."""

import os
import signal
import time

import pytest

from harness.faults import child
from harness.faults.case import judged, row
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import tell

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


def told():
    tell("code", "A sentence.")
    return "value"


def refused():
    raise VaceInputError("The disk is full.")


def cut_off():
    os.kill(os.getpid(), signal.SIGBUS)


def test_how_a_process_ended_is_told():
    done = child.run(told)
    assert (done.kind, done.value, done.notes) == (child.DONE, "value", ("code",))
    sentence = child.run(refused)
    assert (sentence.kind, sentence.text) == (child.SENTENCE, "The disk is full.")
    assert child.run(lambda: 1 / 0).kind == "ZeroDivisionError"
    assert child.run(cut_off).kind == "the process died (SIGBUS)"


def test_a_process_is_killed_in_time_or_has_ended():
    killed = child.run(lambda: time.sleep(60), kill_after=0.05)
    assert killed.kind == child.KILLED and killed.seconds < 30
    assert child.run(told, kill_after=30).kind == child.DONE


def test_what_is_allocated_counts():
    assert child.run(lambda: len(bytearray(os.urandom(50 * 2**20)))).bytes > 45 * 2**20


def test_what_must_not_be_is_found():
    done, sentence = child.Ended(child.DONE, "a"), child.Ended(child.SENTENCE, text="the disk is full")
    assert judged([done], "a") == [] and judged([done], None) == []
    assert judged([done], "b") == ["another result: a"]
    assert judged([sentence], "a", ("full",)) == [] and judged([sentence], "a", ("x",)) and judged([sentence], "a")
    assert judged([child.Ended("the process died (SIGBUS)")], None)
    found = row("fault", "writer", "files", [done, sentence], [])
    assert found.tried == 2 and found.came == "survived 1, sentence 1: the disk is full" and not found.wrong
