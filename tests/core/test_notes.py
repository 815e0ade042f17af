"""What is told, to whom, and in which order."""

import warnings
from contextvars import Context
from dataclasses import FrozenInstanceError, dataclass
from threading import Thread

import pytest

from wan_vace.vace_core.notes import Note, UnheardNote, collect_notes, keep_notes, sentences, tell, tell_again


def test_notes_are_collected_in_order_and_are_values():
    with collect_notes() as notes:
        tell("one", "First.")
        tell("two", "Second.", [3, 4])
    assert notes == [Note("one", "First."), Note("two", "Second.", (3, 4))] and len({*notes, *notes}) == 2
    assert sentences(notes) == ["First.", "Second."]
    with pytest.raises(FrozenInstanceError):
        notes[0].code = "other"


def test_the_innermost_collector_alone_hears_until_it_is_told_again():
    with collect_notes() as outer:
        tell("a", "Before.")
        with collect_notes() as inner:
            tell("b", "Inside.")
        tell("c", "Behind.")
        tell_again(inner)
    assert sentences(inner) == ["Inside."] and sentences(outer) == ["Before.", "Behind.", "Inside."]


def test_an_error_closes_the_collector():
    with collect_notes() as outer:
        with pytest.raises(ValueError, match="stop"), collect_notes():
            raise ValueError("stop")
        tell("a", "Heard.")
    assert sentences(outer) == ["Heard."]


def test_what_nobody_hears_becomes_a_warning_where_it_is_told():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnheardNote)
        with pytest.raises(UnheardNote, match="Nobody listens"):
            Context().run(tell, "a", "Nobody listens.")


def test_a_builder_keeps_what_was_told_behind_its_own_notes_and_from_others():
    @dataclass(frozen=True)
    class Built:
        notes: tuple[Note, ...] = ()

    @keep_notes
    def build(text):
        """Documented."""
        tell("built", text)
        return Built((Note("own", "Own."),))

    with collect_notes() as outer:
        built = build("Told.")
    assert built.notes == (Note("own", "Own."), Note("built", "Told.")) and outer == []
    assert build.__name__ == "build" and build.__doc__ == "Documented."


def test_two_threads_do_not_hear_each_other():
    heard = {}

    def work(name):
        with collect_notes() as notes:
            for k in range(200):
                tell(name, f"{name} {k}")
        heard[name] = notes

    with collect_notes() as own:
        threads = [Thread(target=work, args=(name,)) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert own == [] and all({n.code for n in notes} == {name} and len(notes) == 200 for name, notes in heard.items())


def test_a_generator_that_collects_leaves_its_caller_s_collector_open():
    def parts():
        for k in range(3):
            with collect_notes() as notes:
                tell("part", f"Part {k}.")
            tell_again(notes)
            yield k

    with collect_notes() as outer:
        for k in parts():
            tell("between", f"Between {k}.")
    assert sentences(outer) == ["Part 0.", "Between 0.", "Part 1.", "Between 1.", "Part 2.", "Between 2."]
