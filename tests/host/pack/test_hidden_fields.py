"""What the page hides of a node changes nothing that comes out of it."""

import dataclasses

import pytest
import torch

from harness.inputs.hidden_fields import HIDDEN
from wan_vace.vace_core.sampling import PRESETS
from wan_vace.vace_core.vcu import Vcu

pytestmark = pytest.mark.host
CASES = [(case, name) for case in HIDDEN for name in case.fields]
NAMES = [f"{case.node_id}-{name}" for case, name in CASES]


def rand(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(4))


def wire(name):
    mask = torch.zeros(5, 64, 96)
    mask[:, 16:48, 20:60] = 1
    vcu = Vcu(rand(5, 64, 96, 3), mask, kind="repaint", control_amount=0.0)
    return {
        "mask": mask,
        "control_masks": mask,
        "vcu": vcu,
        "image": rand(1, 64, 96, 3),
        "picture": rand(1, 64, 96, 3),
    }.get(name, rand(5, 64, 96, 3))


def inputs(case, changed):
    """Of a prompt, as the host hands them over: what belongs to a choice is in one dict."""
    given = {**case.values, **{name: wire(name.rpartition(".")[2]) for name in case.wired}, **changed}
    if case.node_id == "VacePrepareReference":
        given["mask"] = given["mask"][:1]
    nested = {name: value for name, value in given.items() if "." not in name}
    for name, value in given.items():
        group, _, inner = name.partition(".")
        if inner:
            start = {group: given[group]} if group in given else {}
            nested[group] = {**(nested[group] if isinstance(nested.get(group), dict) else start), inner: value}
    return nested


def pixels(value):
    """Tensors and numbers of an output, in order; texts may say that something was not used."""
    if isinstance(value, torch.Tensor):
        return [value]
    if dataclasses.is_dataclass(value):  # the host's copy of the pack has classes of its own
        value = [getattr(value, each.name) for each in dataclasses.fields(value) if each.name not in ("notes", "audio")]
    if isinstance(value, tuple | list):
        return [each for one in value for each in pixels(one)]
    return [torch.tensor(value)] if isinstance(value, float) else []


@pytest.mark.parametrize(("case", "name"), CASES, ids=NAMES)
def test_what_is_hidden_does_not_matter(call, case, name):
    usual = pixels(call(case.node_id, **inputs(case, {})))
    other = pixels(call(case.node_id, **inputs(case, {name: case.fields[name]})))
    assert usual
    assert len(usual) == len(other)
    assert all(torch.equal(a, b) for a, b in zip(usual, other, strict=True))


def test_at_cfg_1_the_negative_prompt_does_not_matter_nor_the_boundary_of_one_expert(call, vace_model, vae, prompts):
    positive, negative = prompts
    context = call("VaceEncodeVcu", vae=vae, vcu=Vcu(rand(5, 32, 32, 3), torch.ones(5, 32, 32)))[0]
    sampled = []
    for what, boundary in ((negative, 0.875), (positive, 0.2)):
        good, bad, latent, *_ = call("VaceApplyContext", positive=positive, negative=what, context=context)
        settings = {"settings": "custom", "steps": 1, "cfg": 1.0}
        given = {"latent": latent, "model": vace_model, "positive": good, "negative": bad, "boundary": boundary}
        sampled.append(call("VaceSampleContext", settings=settings, **given)[0]["samples"])
    assert torch.equal(*sampled)


def test_the_presets_at_cfg_1_are_those_for_loras():
    """By this the page tells for which the negative prompt is of no use."""
    assert {name for name, settings in PRESETS.items() if settings.cfg == 1} == {n for n in PRESETS if "LoRA" in n}
