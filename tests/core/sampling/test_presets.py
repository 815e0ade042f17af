"""Sampler settings by name."""

import dataclasses

import pytest

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.sampling.presets import CUSTOM, DEFAULT, PRESETS, SamplerSettings, choose_settings

CHOSEN = {"steps": 7, "cfg": 2.5, "shift": 3.0, "sampler": "euler", "scheduler": "beta"}


def test_official_settings_are_the_official_numbers():
    assert dataclasses.astuple(PRESETS[DEFAULT])[:5] == (25, 5.0, 16.0, "official unipc", "official")
    assert dataclasses.astuple(PRESETS["official (50 steps)"])[:5] == (50, 5.0, 16.0, "official unipc", "official")


def test_balanced_keeps_the_official_shift_and_guidance():
    assert dataclasses.astuple(PRESETS["balanced (16 steps)"])[:5] == (16, 5.0, 16.0, "euler", "beta")


@pytest.mark.parametrize("name", PRESETS)
def test_the_name_says_the_steps_and_few_steps_name_their_lora(name):
    preset = PRESETS[name]
    assert f"({preset.steps} steps)" in name
    assert ("LoRA" in name) == bool(preset.belongs_to) == (preset.cfg == 1.0)


def test_presets_cannot_be_changed():
    with pytest.raises(TypeError):
        PRESETS["mine"] = PRESETS[DEFAULT]
    with pytest.raises(dataclasses.FrozenInstanceError):
        PRESETS[DEFAULT].steps = 3


def test_a_preset_ignores_numbers_of_another_choice_and_custom_takes_them():
    assert choose_settings(DEFAULT, {}) is PRESETS[DEFAULT]
    assert choose_settings(CUSTOM, CHOSEN) == SamplerSettings(7, 2.5, 3.0, "euler", "beta")


@pytest.mark.parametrize("name", [None, "fast"])
def test_an_unknown_name_is_refused_with_those_there_are(name):
    with pytest.raises(VaceInputError, match=rf"settings must be one of official demo .*, custom, got {name}\."):
        choose_settings(name, {})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("steps", 0, r"settings\.steps is 0; set it to 1 or more"), ("shift", -1.0, r"settings\.shift is -1; set it")],
)
def test_numbers_that_cannot_be_sampled_with_are_refused(key, value, message):
    with pytest.raises(VaceInputError, match=message):
        choose_settings(CUSTOM, {**CHOSEN, key: value})


def simple_sigmas(steps, shift):
    """The host's simple schedule by its formula: sigma = s t / (1 + (s - 1) t) at t = 1, 1 - 1 / steps, ..."""
    return [shift * t / (1 + (shift - 1) * t) for t in (1 - k / steps for k in range(steps))]


def test_wan22_preset_changes_experts_where_the_host_template_does():
    preset = PRESETS["Wan 2.2 lightx2v LoRAs (4 steps)"]
    assert sum(sigma >= 0.875 for sigma in simple_sigmas(preset.steps, preset.shift)) == 2
