"""Guidance is told where it goes with no model that the settings can be for, and nowhere else."""

import pytest

from wan_vace.vace_core.notes import collect_notes
from wan_vace.vace_core.sampling import PRESETS, SamplerSettings, note_guidance

FEW_STEP = [name for name in PRESETS if "LoRA" in name]


def told(settings, cfg=None, all_steps=True):
    with collect_notes() as notes:
        note_guidance(settings, settings.cfg if cfg is None else cfg, all_steps=all_steps)
    return [(note.code, note.text) for note in notes]


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_as_it_is_is_told(name):
    assert told(PRESETS[name]) == []


def test_the_presets_for_loras_are_those_that_say_so_in_their_names():
    assert FEW_STEP == [name for name, settings in PRESETS.items() if settings.belongs_to]


@pytest.mark.parametrize("name", FEW_STEP)
def test_a_few_step_preset_with_a_guiders_guidance_is_told(name):
    ((code, text),) = told(PRESETS[name], 3.0, all_steps=False)
    assert code == "guided-few-steps"
    assert text == (
        "cfg is 3, but these settings are for a few-step LoRA, which is trained to do without guidance; set cfg to 1."
    )


def test_few_steps_of_ones_own_are_told_where_all_of_them_are_taken():
    few, official = SamplerSettings(4, 5.0, 8.0), SamplerSettings(25, 5.0, 16.0)
    sentence = "4 steps with cfg 5 go with no model: set cfg to 1 for a few-step LoRA, or steps to 25 without one."
    assert told(few) == [("guided-few-steps", sentence)]
    assert told(few, 1.0) == told(few, all_steps=False) == told(official) == told(SamplerSettings(9, 5.0, 8.0)) == []
