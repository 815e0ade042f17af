"""Windows on conditioning of other nodes, and inputs and settings that are refused or repaired."""

import pytest
import torch

from ..adapter.test_adapter import conditioned, sample
from .test_windows import STATIC, by_hand, noise_of, one_step, windowed

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def foreign(call, vae):
    """Of the host's own node, with a reference or without."""

    def make(prompts, reference):
        picture = torch.rand(1, 32, 48, 3) if reference else None
        positive, negative, latent, trim = call(
            "WanVaceToVideo", positive=prompts[0], negative=prompts[1], vae=vae, width=48, height=32, length=25,
            batch_size=1, strength=0.8, control_video=torch.rand(25, 32, 48, 3), reference_image=picture,
        )  # fmt: skip
        return (positive, negative, latent), trim

    return make


@pytest.mark.parametrize("reference", [False, True])
def test_conditioning_of_the_hosts_node_needs_its_trim_latent(call, model, models, foreign, prompts, reference, near):
    inputs, trim = foreign(prompts, reference)
    with pytest.raises(ValueError, match=r"references is -1, but .* Connect that node's trim_latent to references"):
        sample(call, windowed(call, model), inputs)
    result = one_step(call, windowed(call, model, **STATIC, references=trim), inputs[0], noise_of(inputs))
    expected = by_hand(call, model, inputs[0], noise_of(inputs), trim)
    torch.testing.assert_close(result, expected, **near(expected, 1e-5))


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"references_per_window": "3: all"}, "names reference 3, but there are 2"),
        ({"references_per_window": "1: 25-30"}, "reference 1 the frames 25-30, but the video has 25"),
        ({"references": 1}, "references is 1 but the conditioning has 2"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_loaded(call, model, contexts, prompts, settings, match):
    from comfy.patcher_extension import WrappersMP

    loads = []
    clone = windowed(call, model, **settings).clone()
    clone.add_wrapper_with_key(
        WrappersMP.PREPARE_SAMPLING, "record", lambda execute, *a, **k: loads.append(1) or execute(*a, **k)
    )
    with pytest.raises(ValueError, match=match):
        sample(call, clone, conditioned(call, prompts, [(contexts[2], 0.8)]))
    assert not loads


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"overlap": 9}, "overlap is 9 but a window holds 9 frames"),
        ({"length": 0, "overlap": 0}, "length is 0; it must be a number from 1 to 16384"),
        ({"references_per_window": "second half"}, "'second half' is no reference with a span"),
    ],
)
def test_wrong_settings_are_refused_by_the_node(call, model, settings, match):
    with pytest.raises(ValueError, match=match):
        windowed(call, model, **settings)


def test_a_model_without_vace_is_refused(call, plain_model):
    with pytest.raises(ValueError, match="a plain Wan text-to-video model without VACE blocks"):
        windowed(call, plain_model)


def test_repairs_are_told_in_the_log(call, model, caplog):
    with caplog.at_level("INFO", logger="wan_vace"):
        windowed(call, model, length=10, overlap=6, schedule="batched", closed_loop=True)
    assert [record.getMessage().removeprefix("VACE Set Context Windows: ") for record in caplog.records] == [
        "Windows hold 13 frames, not 10: the model works in 4n + 1.",
        "Windows overlap by 4 frames, not 6: they move in steps of 4.",
        "closed_loop has no effect: it is for schedule looped_uniform.",
        "overlap has no effect: schedule batched cuts the video without overlap.",
    ]
