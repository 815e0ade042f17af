"""Processes that are killed, that end themselves, that fail in a sentence; and what is judged to be wrong with each."""

import os
import signal
import time

import pytest

from harness.faults import child
from harness.faults.case import judged, row
from harness.faults.kills import foreign
from harness.faults.servers import judged_stop
from harness.host.client import PromptFailedError
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
    assert child.run(lambda: os._exit(3)).kind == "exit 3 without a word"


def test_a_process_is_killed_in_time_or_has_ended():
    killed = child.run(lambda: time.sleep(60), kill_after=0.05)
    assert killed.kind == child.KILLED and killed.seconds < 30
    assert child.run(told, kill_after=30).kind == child.DONE


def test_what_is_allocated_counts():
    def held():
        data = os.urandom(50 * 2**20)
        time.sleep(0.5)  # it is looked at every few milliseconds, more seldom on a busy machine
        return len(data)

    assert 45 * 2**20 < child.run(held).bytes < 100 * 2**20


def test_what_must_not_be_is_found():
    done, sentence = child.Ended(child.DONE, "a"), child.Ended(child.SENTENCE, text="the disk is full")
    assert judged([done], "a") == [] and judged([done], None) == []
    assert judged([done], "b") == ["another result: a"]
    assert judged([sentence], "a", ("full",)) == [] and judged([sentence], "a", ("x",)) and judged([sentence], "a")
    assert judged([child.Ended("the process died (SIGBUS)")], None)
    found = row("fault", "writer", "files", [done, sentence], [])
    assert row("fault", "writer", "files", [done, sentence], [], tried=1).tried == 1
    assert found.tried == 2 and found.came == "survived 1, sentence 1: the disk is full" and not found.wrong


def test_a_half_file_is_found_even_if_it_stays():
    whole, with_half = child.Ended(child.DONE, ["a", "b"]), child.Ended(child.DONE, ["a", "half"])
    assert foreign([child.Ended(child.DONE, ["a"]), whole], {"a", "b"}) == []
    assert foreign([with_half, with_half], {"a", "b"}) == ["a reader took a half file for whole: half"]


def test_an_interrupt_that_ends_in_an_exception_is_a_fault():
    assert judged_stop(PromptFailedError({}), 0.5) == ("stopped after 0.50 s", [])
    _, (wrong,) = judged_stop(PromptFailedError({"exception_type": "KeyError", "exception_message": "x"}), 0.5)
    assert "KeyError: x" in wrong
