"""The host's memory estimates count the adapter's weights and every VCU; at one VCU they are the merged model's."""

import pytest

from .test_adapter import conditioned, encode, sample

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def contexts(call, vae):
    return [encode(call, vae, seed) for seed in (1, 2, 3)]


@pytest.fixture
def loaded(call, monkeypatch):
    """What the host's own ``load_models_gpu`` gets in a run: models, estimate, least estimate."""
    import comfy.model_management

    load, seen = comfy.model_management.load_models_gpu, []

    def spy(models, **kwargs):
        seen.append((list(models), kwargs["memory_required"], kwargs["minimum_memory_required"]))
        return load(models, **kwargs)

    monkeypatch.setattr(comfy.model_management, "load_models_gpu", spy)

    def run(model, inputs):
        sample(call, model, inputs, steps=1)
        return seen.pop()

    return run


def test_the_adapter_is_loaded_with_the_base_and_weighs_what_it_weighs_inside(
    call, prompts, vace_model, attached, contexts, loaded
):
    inputs = conditioned(call, prompts, [(contexts[0], 0.8)])
    models, *_ = loaded(attached, inputs)
    own = [model.model for model in attached.get_additional_models_with_key("wan_vace_adapter")]
    assert [model.model for model in models] == [attached.model, *own]
    assert all(model.loaded_size() == model.model_size() > 0 for model in models)
    (merged,), *_ = loaded(vace_model, inputs)
    assert sum(model.loaded_size() for model in models) == merged.loaded_size()


def test_what_the_adapter_needs_for_a_run_is_counted_with_the_base(attached):
    (adapter,) = attached.get_additional_models_with_key("wan_vace_adapter")
    assert adapter.memory_required([2, 16, 5, 4, 6]) == 0


def test_one_vcu_is_estimated_as_in_the_merged_model(call, prompts, vace_model, attached, contexts, loaded):
    inputs = conditioned(call, prompts, [(contexts[0], 0.8)])
    assert loaded(attached, inputs)[1:] == pytest.approx(loaded(vace_model, inputs)[1:], rel=1e-12)


def test_each_vcu_counts_by_the_hosts_own_factor(call, prompts, vace_model, plain_model, attached, contexts, loaded):
    factor = vace_model.model.memory_usage_factor / plain_model.model.memory_usage_factor
    assert factor == pytest.approx(1.2)
    for count in (1, 2, 3):
        inputs = conditioned(call, prompts, [(context, 0.8) for context in contexts[:count]])
        base, ours = loaded(plain_model, inputs)[1:], loaded(attached, inputs)[1:]
        expected = [value * (1 + (factor - 1) * count) for value in base]
        assert list(ours) == pytest.approx(expected, rel=1e-12)


def calls(call, model, inputs):
    """How often the first block ran in a step of two prompts: once where the host took them together."""
    runs = []
    hook = model.get_model_object("diffusion_model").blocks[0].register_forward_hook(lambda *_: runs.append(1))
    try:
        sample(call, model, inputs, steps=1)
    finally:
        hook.remove()
    return len(runs)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_prompts_share_a_call_only_where_the_vcus_fit_too(
    call, prompts, vace_model, plain_model, attached, contexts, monkeypatch, count
):
    import comfy.model_management

    inputs = conditioned(call, prompts, [(context, 0.8) for context in contexts[:count]])
    shape = inputs[2]["samples"].shape
    # The host asks for half as much again as both prompts need.
    need = 1.5 * plain_model.model.memory_required([2, *shape[1:]]) * (1 + 0.2 * count)
    for free, expected in ((need * 0.99, 2), (need * 1.01, 1)):

        def free_memory(_device=None, torch_free_too=False, free=free):
            return (free, free) if torch_free_too else free

        monkeypatch.setattr(comfy.model_management, "get_free_memory", free_memory)
        assert calls(call, attached, inputs) == expected
        if count == 1:
            assert calls(call, vace_model, inputs) == expected


def test_an_estimate_after_a_run_does_not_count_twice(call, prompts, attached, contexts, loaded):
    inputs = conditioned(call, prompts, [(context, 0.8) for context in contexts])
    assert loaded(attached, inputs)[1:] == loaded(attached, inputs)[1:]
