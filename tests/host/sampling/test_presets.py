"""The samplers' settings by name: offered, explained and run."""

from pathlib import Path

import pytest
import torch

from .test_sample_checks import custom

pytestmark = pytest.mark.host

DOCS = Path(__file__).resolve().parents[3] / "web" / "docs"
PRESETS = (
    "official demo (25 steps)",
    "official (50 steps)",
    "balanced (16 steps)",
    "CausVid LoRA (4 steps)",
    "CausVid LoRA (12 steps)",
    "AccVid LoRA (10 steps)",
    "lightx2v LoRA (4 steps)",
    "FusionX LoRA (8 steps)",
    "Wan 2.2 lightx2v LoRAs (4 steps)",
)


def test_presets_are_offered_in_this_order_with_custom_last(host_nodes):
    for node in ("VaceSampleContext", "VaceSampleVcu"):
        (settings,) = (s for s in host_nodes[node].GET_SCHEMA().inputs if s.id == "settings")
        assert [option.key for option in settings.options] == [*PRESETS, "custom"]
        nested = settings.options[-1].inputs
        assert [s.id for s in nested] == ["steps", "cfg", "shift", "sampler", "scheduler"]
        assert all(s.tooltip for s in nested) and not any(option.inputs for option in settings.options[:-1])
        page = (DOCS / f"{node}.md").read_text("utf-8")
        assert all(f"settings.{s.id}" in page for s in nested)
    page = " ".join((DOCS / "VaceSampleContext.md").read_text("utf-8").split())
    assert all(name in page for name in PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_runs_and_gives_what_its_numbers_give(call, parts, sample, vace_model, name):
    low = {"low_noise_model": vace_model.clone()} if "2.2" in name else {}
    latent, _ = sample(**parts, **low, settings={"settings": name})
    assert latent["samples"].isfinite().all() and latent["samples"].std() > 0.01


def test_a_preset_is_its_numbers(parts, sample):
    by_name, _ = sample(**parts, settings={"settings": "FusionX LoRA (8 steps)"})
    numbers = {"steps": 8, "cfg": 1.0, "shift": 2.0, "sampler": "official unipc", "scheduler": "official"}
    by_number, _ = sample(**parts, settings=custom(**numbers))
    assert torch.equal(by_name["samples"], by_number["samples"])
