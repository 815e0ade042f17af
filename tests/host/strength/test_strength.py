"""Strength of each VCU apart, and drawn or listed curves: attached and merged alike, each against a second way."""

import dataclasses

import pytest
import torch

from ..adapter.test_adapter import conditioned, encode, sample
from .test_merged import blocks_of, counted

pytestmark = pytest.mark.host

TYPED = {"steps": "1", "frames": "1", "blocks": "", "references": 1.0}


@pytest.fixture(scope="module")
def contexts(call, vae):
    """Two encoded VCUs."""
    return encode(call, vae, references=1), encode(call, vae, 2)


def chain(call, model, *fields):
    """The model behind a row of VACE Set Strength nodes."""
    for field in fields:
        model = call("VaceSetStrength", model=model, **{**TYPED, **field})[0]
    return model


def both(call, prompts, contexts, strengths=(0.8, 0.4)):
    return conditioned(call, prompts, list(zip(contexts, strengths, strict=True)))


AREA = torch.linspace(0, 1, 48).expand(1, 32, 48)
CHAINS = {
    "steps of one": [{"vcu": 1, "steps": "0:1, 50%:1, 50%:0"}],
    "steps in turn": [{"vcu": 1, "steps": "0:1, 50%:1, 50%:0"}, {"vcu": 2, "steps": "0:0, 50%:0, 50%:1"}],
    "frames of one": [{"vcu": 2, "frames": "1, 0"}],
    "area of one": [{"vcu": 1, "mask": AREA}],
    "references of one": [{"vcu": 1, "references": 0.3}],
    "blocks of each": [{"vcu": 1, "blocks": "0.7, 0"}, {"vcu": 2, "blocks": "0, 0.3"}],
    "all and one": [{"steps": "1, 0.2", "references": 0.5}, {"vcu": 2, "frames": "1, 0.5", "blocks": "1, 0.4"}],
    "everything": [
        {"vcu": 1, "steps": "1, 0", "frames": "0.2, 1", "blocks": "0.5, 1", "references": 0.3, "mask": AREA},
        {"vcu": 2, "steps": "0, 1", "frames": "1, 0.2", "blocks": "1, 0.5", "references": 0.6, "mask": 1 - AREA},
    ],
}


@pytest.mark.parametrize("case", CHAINS)
def test_merged_equals_attached_and_runs_the_same_blocks(call, vace_model, attached, prompts, contexts, case):
    inputs = both(call, prompts, contexts)
    (merged, ours), (expected, theirs) = (
        counted(call, chain(call, model, *CHAINS[case]), inputs, steps=2) for model in (vace_model, attached)
    )
    assert torch.equal(merged, expected) and ours == theirs
    assert not torch.equal(merged, sample(call, vace_model, inputs, steps=2))


@pytest.mark.parametrize("vcu", [1, 2])
def test_a_constant_of_one_vcu_is_that_vcus_own_strength(call, vace_model, attached, prompts, contexts, vcu):
    strengths = [0.8, 0.4]
    scaled = [value * (0.5 if k == vcu - 1 else 1) for k, value in enumerate(strengths)]
    for model in (vace_model, attached):
        by_field = sample(call, chain(call, model, {"vcu": vcu, "steps": "0.5"}), both(call, prompts, contexts))
        assert torch.equal(by_field, sample(call, model, both(call, prompts, contexts, scaled)))


def test_references_of_one_vcu_are_that_vcus_own_references(call, vae, attached, prompts, contexts, near):
    second = encode(call, vae, 3, references=1)
    weak = dataclasses.replace(second, reference_strengths=(0.3,))
    by_field = sample(
        call, chain(call, attached, {"vcu": 2, "references": 0.3}), both(call, prompts, (contexts[0], second))
    )
    expected = sample(call, attached, both(call, prompts, (contexts[0], weak)))
    torch.testing.assert_close(by_field, expected, **near(expected))


def test_the_strengths_of_each_reference_and_of_all_multiply(call, vae, vace_model, attached, prompts, near):
    context = encode(call, vae, references=2)
    own, product = (dataclasses.replace(context, reference_strengths=s) for s in ((0.5, 1.5), (0.3, 0.9)))
    for model in (vace_model, attached):
        by_field = sample(call, chain(call, model, {"references": 0.6}), conditioned(call, prompts, [(own, 0.8)]))
        by_hand = sample(call, model, conditioned(call, prompts, [(product, 0.8)]))
        torch.testing.assert_close(by_field, by_hand, **near(by_hand, 1e-4, 1e-4))
        without = sample(call, model, conditioned(call, prompts, [(own, 0.8)]))
        assert not torch.allclose(by_hand, without, **near(without, 1e-5, 1e-8))


@pytest.mark.parametrize("field", [{"steps": "0"}, {"blocks": "0, 0"}])
def test_a_vcu_at_zero_is_not_computed(call, vace_model, attached, prompts, contexts, field):
    for model in (vace_model, attached):
        result, counts = counted(call, chain(call, model, {"vcu": 2, **field}), both(call, prompts, contexts))
        assert counts == {0: 3, 1: 3}  # 3 steps, 1 VCU
        assert torch.equal(result, sample(call, model, both(call, prompts, contexts, (0.8, 0.0))))


@pytest.mark.parametrize(
    ("first", "second", "runs"),
    [("1, 0", "0.5, 1", {0: 6, 1: 6}), ("1, 0", "0.5, 0", {0: 6}), ("0, 0", "0.5, 0", {0: 3}), ("0, 0", "0, 0", {})],
)
def test_trailing_blocks_run_where_a_live_vcu_needs_them(
    call, vace_model, attached, prompts, contexts, first, second, runs
):
    for model in (vace_model, attached):
        weak = chain(call, model, {"vcu": 1, "blocks": first}, {"vcu": 2, "blocks": second})
        assert counted(call, weak, both(call, prompts, contexts))[1] == runs


def test_its_own_field_wins_over_that_of_all_in_either_order_and_the_last_one_counts(call, attached, prompts, contexts):
    inputs = both(call, prompts, contexts)
    own, everyone, before = {"vcu": 1, "steps": "0.5"}, {"steps": "0"}, {"vcu": 1, "steps": "0.1", "references": 0.2}
    expected = sample(call, attached, both(call, prompts, contexts, (0.4, 0.0)))
    for order in ((own, everyone), (everyone, own), (before, everyone, own)):
        assert torch.equal(sample(call, chain(call, attached, *order), inputs), expected)


def test_a_field_stays_on_its_own_model(call, attached, prompts, contexts):
    inputs = both(call, prompts, contexts)
    first = chain(call, attached, {"vcu": 1, "steps": "0.5"})
    expected = sample(call, first, inputs)
    chain(call, first, {"vcu": 2, "steps": "0"})
    assert torch.equal(sample(call, first, inputs), expected)


def test_a_prompt_without_vcus_may_stand_beside_one_with_two(call, vace_model, attached, prompts, contexts):
    positive, _, latent = both(call, prompts, contexts)
    results = [
        sample(call, chain(call, model, {"vcu": 2, "steps": "1, 0"}), (positive, prompts[1], latent))
        for model in (vace_model, attached)
    ]
    assert torch.equal(*results)


@pytest.mark.parametrize(("count", "words"), [(0, "0 VCUs"), (1, "1 VCU"), (2, "2 VCUs")])
def test_a_vcu_that_is_not_there_is_refused_before_anything_runs(
    call, vace_model, attached, prompts, contexts, count, words
):
    latent = both(call, prompts, contexts)[2]
    inputs = conditioned(call, prompts, [(context, 0.8) for context in contexts[:count]])
    for model in (vace_model, attached):
        runs = []
        hook = blocks_of(model)[0].register_forward_hook(lambda *_, runs=runs: runs.append(1))
        try:
            match = (
                rf"vcu of VACE Set Strength is 3, but the conditioning that is sampled holds {words}\. Choose a number"
            )
            with pytest.raises(ValueError, match=match):
                sample(call, chain(call, model, {"vcu": 3}), (*inputs[:2], latent))
        finally:
            hook.remove()
        assert not runs


def test_a_list_of_blocks_of_one_vcu_must_fit_too(call, vace_model, attached):
    for model in (vace_model, attached):
        with pytest.raises(ValueError, match="blocks has 3 strengths but the adapter has 2 blocks"):
            chain(call, model, {"vcu": 1, "blocks": "1, 1, 1"})


def test_a_mask_is_checked_like_every_other(call, attached):
    with pytest.raises(ValueError, match="mask holds NaN or infinite values"):
        chain(call, attached, {"mask": torch.full((1, 32, 48), float("nan"))})


# Curves of other nodes


@pytest.fixture
def draw(call):
    """A curve drawn in the host's own editor."""

    def drawn(points, interpolation="linear"):
        return call("CurveEditor", curve={"points": points, "interpolation": interpolation})[0]

    return drawn


@pytest.mark.since("0.20.1", reason="before, the host has no editor of curves")
@pytest.mark.parametrize("over", ["steps", "frames"])
def test_a_drawn_polygon_is_the_same_as_typed(call, attached, prompts, contexts, draw, over, near):
    inputs = conditioned(call, prompts, [(contexts[0], 0.8)])
    drawn = draw([[1.0, 0.25], [0.0, 1.0], [0.5, 0.75]])
    by_hand = sample(call, chain(call, attached, {over: "0:1, 50%:0.75, 100%:0.25"}), inputs)
    result = sample(call, chain(call, attached, {f"{over}_curve": drawn}), inputs)
    torch.testing.assert_close(result, by_hand, **near(by_hand, 1e-6, 1e-6))
    without = sample(call, attached, inputs)
    assert not torch.allclose(result, without, **near(without, 1e-5, 1e-8))


@pytest.mark.since("0.20.1", reason="before, the host has no editor of curves")
def test_a_drawn_cubic_is_the_editors_own(draw):
    from wan_vace.vace_core.strength.curves import wired_curve

    drawn = draw([[0.0, 1.0], [0.2, 0.9], [0.21, 0.1], [0.7, 0.4], [1.0, 0.0]], "monotone_cubic")
    curve = wired_curve("steps_curve", drawn)
    assert max(abs(curve.at(x / 3000) - drawn.interp(x / 3000)) for x in range(3001)) < 2e-3


def test_a_list_on_one_wire_is_the_same_as_typed(call, vace_model, prompts, contexts):
    values = [1.0, 0.5, 0.0]
    inputs = conditioned(call, prompts, [(contexts[0], 0.8)])
    by_list, by_hand = (
        sample(call, chain(call, vace_model, field), inputs)
        for field in ({"steps_curve": values, "frames_curve": values}, {"steps": "1, 0.5, 0", "frames": "1, 0.5, 0"})
    )
    assert torch.equal(by_list, by_hand)


@pytest.mark.parametrize("wire", ["CURVE", "FLOAT", "FLOATS"])
def test_the_host_accepts_the_wires_of_curves_and_lists(host, call, wire):
    from comfy_execution.validation import validate_node_input

    optional = host.NODE_CLASS_MAPPINGS["VaceSetStrength"].INPUT_TYPES()["optional"]
    for over in ("steps", "frames"):
        assert validate_node_input(wire, optional[f"{over}_curve"][0])
        assert not validate_node_input("IMAGE", optional[f"{over}_curve"][0])


ESSENTIAL = {"VaceSetStrength": {"model"}, "VaceApplyAdapter": {"model", "adapter"}}


@pytest.mark.parametrize("node_id", ESSENTIAL)
def test_a_prompt_needs_to_say_nothing_but_what_has_no_default(host, call, node_id):
    assert set(host.NODE_CLASS_MAPPINGS[node_id].INPUT_TYPES()["required"]) == ESSENTIAL[node_id]


def test_text_and_curve_together_are_refused(call, attached):
    with pytest.raises(ValueError, match=r"frames is '1, 0' and frames_curve is connected.* disconnect frames_curve"):
        chain(call, attached, {"frames": "1, 0", "frames_curve": [1.0, 0.0]})
