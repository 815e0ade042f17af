"""Adapters that work on some of the VCUs only."""

from contextlib import ExitStack, contextmanager

import pytest
import torch

from ..strength.test_strength import chain
from .test_adapter import conditioned, encode, sample
from .test_cases import adapter_tensors, built

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def adapter(call):
    return call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]


@pytest.fixture(scope="module")
def other(host):
    """An adapter of the same shape with other weights."""
    torch.manual_seed(5)
    return built({key: tensor + 0.02 * torch.randn_like(tensor) for key, tensor in adapter_tensors().items()})


@pytest.fixture(scope="module")
def contexts(call, vae):
    return encode(call, vae, references=1), encode(call, vae, 2)


def attach(call, model, *adapters):
    """The model with adapters, each given as (adapter, vcus)."""
    for adapter, vcus in adapters:
        model = call("VaceApplyAdapter", model=model, adapter=adapter, vcus=vcus)[0]
    return model


def both(call, prompts, contexts, strengths=(0.8, 0.4)):
    return conditioned(call, prompts, list(zip(contexts, strengths, strict=True)))


@contextmanager
def second_vcu_by(network, blocks):
    """The host's merged network with the blocks and the embedding of another adapter for the second VCU."""
    calls = dict.fromkeys(range(len(network.vace_blocks)), 0)

    def embedding(_, args, out):
        batch = len(out) // 2  # VCUs * B
        return torch.cat([out[:batch], blocks.vace_patch_embedding(args[0][batch:])])

    def block(module, args, kwargs, out):
        index = module.block_id
        calls[index] += 1
        return out if calls[index] % 2 else blocks.vace_blocks[index](*args, **kwargs)

    with ExitStack() as stack:
        hooks = [network.vace_patch_embedding.register_forward_hook(embedding)]
        hooks += [each.register_forward_hook(block, with_kwargs=True) for each in network.vace_blocks]
        for hook in hooks:
            stack.callback(hook.remove)
        yield calls


@pytest.mark.parametrize("vcus", ["", "1, 2", "2 1"])
def test_one_adapter_for_every_vcu_is_the_merged_model(call, vace_model, plain_model, adapter, prompts, contexts, vcus):
    inputs = both(call, prompts, contexts)
    assert torch.equal(
        sample(call, vace_model, inputs), sample(call, attach(call, plain_model, (adapter, vcus)), inputs)
    )


@pytest.mark.parametrize(("vcus", "strengths"), [("1", (0.8, 0.0)), ("2", (0.0, 0.4))])
def test_one_adapter_for_one_vcu_is_the_other_vcu_at_zero(
    call, vace_model, plain_model, adapter, prompts, contexts, vcus, strengths
):
    result = sample(call, attach(call, plain_model, (adapter, vcus)), both(call, prompts, contexts))
    assert torch.equal(result, sample(call, vace_model, both(call, prompts, contexts, strengths)))


def test_two_equal_adapters_with_a_vcu_each_are_the_merged_model(
    call, vace_model, plain_model, adapter, prompts, contexts
):
    twin = built(adapter_tensors())
    inputs = both(call, prompts, contexts)
    result = sample(call, attach(call, plain_model, (adapter, "1"), (twin, "2")), inputs)
    assert torch.equal(result, sample(call, vace_model, inputs))


def test_two_different_adapters_with_a_vcu_each_are_the_merged_model_with_both(
    call, vace_model, plain_model, adapter, other, prompts, contexts
):
    inputs = both(call, prompts, contexts)
    pair = attach(call, plain_model, (adapter, "1"), (other, "2"))
    result = sample(call, pair, inputs)
    network = vace_model.get_model_object("diffusion_model")
    with second_vcu_by(network, other.model.diffusion_model) as calls:
        expected = sample(call, vace_model, inputs)
    assert calls == {0: 6, 1: 6}  # 3 steps, 2 VCUs
    assert torch.equal(result, expected)
    assert not torch.allclose(result, sample(call, vace_model, inputs))


def test_with_the_vcu_of_one_at_zero_only_the_other_is_left(call, plain_model, adapter, other, prompts, contexts):
    pair = attach(call, plain_model, (adapter, "1"), (other, "2"))
    for strengths, alone in (((0.8, 0.0), (adapter, "")), ((0.0, 0.4), (other, ""))):
        inputs = both(call, prompts, contexts, strengths)
        assert torch.equal(sample(call, pair, inputs), sample(call, attach(call, plain_model, alone), inputs))


def test_the_choice_is_the_models_and_stays_through_later_nodes(call, plain_model, adapter, prompts, contexts):
    high, low = (attach(call, plain_model, (adapter, vcus)) for vcus in ("1", "2"))  # one adapter, two experts
    first, second = (both(call, prompts, contexts, strengths) for strengths in ((0.8, 0.0), (0.0, 0.4)))
    everything, whole = both(call, prompts, contexts), attach(call, plain_model, (adapter, ""))

    def later(model):
        return chain(call, call("ModelSamplingSD3", model=model, shift=3.0)[0], {"steps": "1, 0.5"})

    for model, alone in ((high, first), (low, second), (high, first)):
        assert torch.equal(sample(call, later(model), everything), sample(call, later(whole), alone))


def test_blocks_are_checked_against_the_adapters_of_that_vcu(call, plain_model, adapter, other, prompts, contexts):
    pair = attach(call, plain_model, (adapter, "1"), (other, "2"))
    inputs = both(call, prompts, contexts)
    weak = chain(call, pair, {"vcu": 1, "blocks": "1, 0"}, {"vcu": 2, "blocks": "0, 0"})
    only = chain(call, attach(call, plain_model, (adapter, "1")), {"blocks": "1, 0"})
    assert torch.equal(sample(call, weak, inputs), sample(call, only, inputs))


def test_memory_is_counted_for_each_vcu_of_each_adapter(call, plain_model, adapter, other, prompts, contexts):
    from comfy.patcher_extension import WrappersMP

    def counted(*adapters):
        seen = []

        def wrapper(executor, model, shape, *args, **kwargs):
            seen.append(shape[0])
            return executor(model, shape, *args, **kwargs)

        model = attach(call, plain_model, *adapters)
        model.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, "seen", wrapper)
        sample(call, model, both(call, prompts, contexts), steps=1)
        return seen[0]

    assert counted((adapter, "")) == counted((adapter, "1"), (other, "2")) == pytest.approx(1.4)
    assert counted((adapter, "1")) == pytest.approx(1.2)
    assert counted((adapter, ""), (other, "2")) == pytest.approx(1.6)


def test_wrong_numbers_are_refused(call, plain_model, adapter, prompts, contexts):
    with pytest.raises(ValueError, match=r"vcus: 'first' is no number of a VCU\. Write 1 for"):
        attach(call, plain_model, (adapter, "first"))
    runs = []
    hook = adapter.model.diffusion_model.vace_blocks[0].register_forward_hook(lambda *_: runs.append(1))
    try:
        with pytest.raises(ValueError, match=r"vcus of VACE Apply Adapter is 3, but the conditioning .* holds 2 VCUs"):
            sample(call, attach(call, plain_model, (adapter, "1, 3")), both(call, prompts, contexts))
    finally:
        hook.remove()
    assert not runs
