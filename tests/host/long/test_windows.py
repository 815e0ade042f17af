"""Windows with the references in front: what each model call sees, and the blend, worked out a second time by hand."""

import pytest
import torch

from ..adapter.test_adapter import conditioned, sample, strength

pytestmark = pytest.mark.host

T = 7  # latent frames of the video: 25 frames
STATIC = {"length": 9, "overlap": 4, "schedule": "standard_static", "freenoise": False}
WINDOWS = [[0, 1, 2], [2, 3, 4], [4, 5, 6]]  # 3 latent frames, 1 of them shared
LIGHT = {"steps": 2, "cfg": 1.0}
KINDS = ["merged", "attached"]
FUSES = ["pyramid", "relative", "flat", "overlap-linear"]


def windowed(call, model, **settings):
    base = {
        "length": 9, "overlap": 4, "schedule": "standard_uniform", "closed_loop": False, "fuse_method": "pyramid",
        "freenoise": True, "references_per_window": "", "split_prompts": False, "references": -1,
    }  # fmt: skip
    return call("VaceSetContextWindows", model=model, **{**base, **settings})[0]


def host_windowed(call, model, **settings):
    base = {
        "context_length": 9, "context_overlap": 4, "context_schedule": "standard_uniform", "context_stride": 1,
        "closed_loop": False, "fuse_method": "pyramid", "freenoise": True,
    }  # fmt: skip
    return call("WanContextWindowsManual", model=model, **{**base, **settings})[0]


def recording(models, kind, calls):
    """A model that notes what each call of it gets, behind everything that nodes add to it."""
    from comfy.patcher_extension import WrappersMP

    def wrapper(executor, x, t, c_concat=None, c_crossattn=None, control=None, transformer_options=None, **kwargs):
        window = transformer_options.get("context_window")
        seen = {"x": x, "context": kwargs["vace_context"], "text": c_crossattn}
        calls.append({**{name: tensor.cpu() for name, tensor in seen.items()}, "window": window})
        return executor(x, t, c_concat, c_crossattn, control, transformer_options, **kwargs)

    base, finish = models[kind]
    clone = base.clone()
    clone.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "record", wrapper)
    return finish(clone)


def noise_of(inputs, seed=3):
    import comfy.sample

    return comfy.sample.prepare_noise(inputs[2]["samples"], seed)


def one_call_each(call, models, kind, inputs, **settings):
    """The calls of one step without negative prompt, and the context of the whole video."""
    whole, calls = [], []
    sample(call, recording(models, kind, whole), inputs, steps=1, cfg=1.0)
    result = sample(call, windowed(call, recording(models, kind, calls), **settings), inputs, steps=1, cfg=1.0)
    return calls, whole[0]["context"], result


def with_lead(window, references, count):
    """Indices of all a window's call holds: references, the frame before it, its frames."""
    return [*references, *([count + window[0] - 1] if window[0] else []), *(count + k for k in window)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("references", [0, 1, 2])
def test_every_call_sees_the_references_and_its_frames(call, models, contexts, prompts, kind, references):
    inputs = conditioned(call, prompts, [(contexts[references], 0.8)])
    calls, context, _ = one_call_each(call, models, kind, inputs, **STATIC)
    noise = noise_of(inputs)
    assert len(calls) == 3
    for each, window in zip(calls, WINDOWS, strict=True):
        seen = with_lead(window, range(references), references)
        assert torch.equal(each["x"], noise[:, :, seen])  # the first step begins at noise alone
        assert torch.equal(each["context"], context[:, :, :, seen])


@pytest.mark.parametrize("kind", KINDS)
def test_references_for_parts_of_the_video(call, models, contexts, prompts, kind):
    inputs = conditioned(call, prompts, [(contexts[2], 0.8)])
    plan = "1: 0-4, 2: 50%-100%"  # latent frames 0 and 1; 3 to 6
    calls, context, result = one_call_each(call, models, kind, inputs, references_per_window=plan, **STATIC)
    for each, window, references in zip(calls, WINDOWS, ([0], [1], [1]), strict=True):
        seen = with_lead(window, references, 2)
        assert torch.equal(each["x"], noise_of(inputs)[:, :, seen])
        assert torch.equal(each["context"], context[:, :, :, seen])
    assert result.isfinite().all()


@pytest.mark.parametrize("fuse", FUSES)
@pytest.mark.parametrize("length", [9, 25])
def test_a_reference_that_no_window_sees_is_in_no_call_and_leaves_no_nan(call, models, contexts, prompts, fuse, length):
    inputs = conditioned(call, prompts, [(contexts[2], 0.8)])
    settings = {**STATIC, "length": length, "fuse_method": fuse, "references_per_window": "1: none"}
    calls, context, result = one_call_each(call, models, "merged", inputs, **settings)
    assert result.isfinite().all()
    windows = WINDOWS if length == 9 else [list(range(T))]
    for each, window in zip(calls, windows, strict=True):
        assert torch.equal(each["context"], context[:, :, :, with_lead(window, [1], 2)])


def test_a_video_no_longer_than_a_window_is_sampled_as_without(call, model, contexts, prompts):
    for context in contexts:
        inputs = conditioned(call, prompts, [(context, 0.8)])
        expected = sample(call, model, inputs, steps=2)
        assert torch.equal(sample(call, windowed(call, model, length=25), inputs, steps=2), expected)


# The blend, by hand: the model on slices that are cut here, weights from their definitions


def weights(fuse, window):
    if fuse == "flat":
        return [1.0] * len(window)
    if fuse == "overlap-linear":  # the host's ramp over one shared frame leaves it to the window before
        return [float(window[0] == 0), 1.0, 1.0]
    if fuse == "pyramid":
        return [min(k + 1, len(window) - k) for k in range(len(window))]
    middle, half = (window[0] + window[-1]) / 2, (window[-1] - window[0] + 0.01) / 2
    return [max(0.01, 1 - abs(k - middle) / half) for k in window]


class Given:
    """Noise that is given, for the host's custom sampler."""

    def __init__(self, noise):
        self.noise, self.seed = noise, 0

    def generate_noise(self, latent):
        """What the host asks for."""
        return self.noise


def one_step(call, model, positive, noise):
    guider = call("BasicGuider", model=model, conditioning=positive)[0]
    sigmas = call("BasicScheduler", model=model, scheduler="simple", steps=1, denoise=1.0)[0]
    sampler = call("KSamplerSelect", sampler_name="euler")[0]
    latent = {"samples": torch.zeros_like(noise)}
    return call(
        "SamplerCustomAdvanced", noise=Given(noise), guider=guider, sampler=sampler, sigmas=sigmas, latent_image=latent
    )[0]["samples"]  # fmt: skip


def cut(positive, frames, whole):
    """A conditioning for some latent frames."""

    def scale(value):
        return value.unflatten(1, (whole, -1))[:, frames].flatten(1, 2) if isinstance(value, torch.Tensor) else value

    tensor, values = positive[0]
    changed = {key: [each[:, :, frames] for each in values[key]] for key in ("vace_frames", "vace_mask")}
    return [[tensor, {**values, **changed, "vace_strength": [scale(each) for each in values["vace_strength"]]}]]


def by_hand(call, model, positive, noise, count, fuse="pyramid", seen=lambda window: range(2)):
    total, weight = torch.zeros_like(noise), torch.zeros(noise.shape[2])
    for window in WINDOWS:
        references = [each for each in seen(window) if each < count]
        frames = with_lead(window, references, count)
        out = one_step(call, model, cut(positive, frames, noise.shape[2]), noise[:, :, frames])
        parts = [(k, place, 1.0) for place, k in enumerate(references)]
        lead = len(frames) - len(window)
        parts += [(count + k, lead + place, weights(fuse, window)[place]) for place, k in enumerate(window)]
        for k, place, share in parts:
            total[:, :, k] += share * out[:, :, place]
            weight[k] += share
    return total / weight[:, None, None]


@pytest.mark.parametrize("fuse", FUSES)
@pytest.mark.parametrize("references", [0, 2])
def test_the_blend_equals_one_by_hand(call, model, contexts, prompts, fuse, references, near):
    inputs = conditioned(call, prompts, [(contexts[references], 0.8)])
    noise = noise_of(inputs)
    expected = by_hand(call, model, inputs[0], noise, references, fuse)
    result = one_step(call, windowed(call, model, **STATIC, fuse_method=fuse), inputs[0], noise)
    torch.testing.assert_close(result, expected, **near(expected, 1e-5))


def test_the_blend_of_references_for_parts_equals_one_by_hand(call, model, contexts, prompts, near):
    inputs = conditioned(call, prompts, [(contexts[2], 0.8)])
    noise = noise_of(inputs)
    expected = by_hand(call, model, inputs[0], noise, 2, seen=lambda window: [0, 1] if window[0] == 0 else [1])
    result = one_step(
        call, windowed(call, model, **STATIC, references_per_window="1: 0-4"), inputs[0], noise
    )  # fmt: skip
    torch.testing.assert_close(result, expected, **near(expected, 1e-5))


# Without references it is the host's own node


@pytest.mark.parametrize(
    ("schedule", "fuse", "overlap", "freenoise"),
    [
        ("standard_uniform", "pyramid", 4, True),
        ("standard_uniform", "overlap-linear", 8, False),
        ("standard_static", "relative", 4, True),
        ("standard_static", "overlap-linear", 8, True),
        ("looped_uniform", "flat", 4, False),
        ("looped_uniform", "relative", 8, True),
        ("batched", "pyramid", 0, True),
        ("batched", "relative", 0, False),
    ],
)
def test_without_references_it_equals_the_hosts_node(
    call, models, contexts, prompts, schedule, fuse, overlap, freenoise
):
    import comfy.context_windows as windows

    model = models["merged"][0]
    if not freenoise:
        model = strength(call, model, frames="1, 0.2")  # cut by the host's windows, and by ours
    inputs = conditioned(call, prompts, [(contexts[0], 0.8)])
    same = {"fuse_method": fuse, "freenoise": freenoise}
    ours = windowed(call, model, schedule=schedule, overlap=overlap, **same)
    theirs = host_windowed(call, model, context_schedule=schedule, context_overlap=overlap, **same)
    # Older hosts do not put the frame before a window in front of it, as we do everywhere.
    fixed = "causal_window_fix" in windows.IndexListContextHandler.__init__.__code__.co_varnames
    assert torch.equal(sample(call, ours, inputs, **LIGHT), sample(call, theirs, inputs, **LIGHT)) == fixed


@pytest.mark.parametrize(
    ("schedule", "fuse", "overlap"),
    [
        ("standard_uniform", "pyramid", 8),
        ("standard_uniform", "overlap-linear", 4),  # a ramp over one latent frame
        ("standard_static", "overlap-linear", 0),  # and over none, where the host's own node fails
        ("batched", "overlap-linear", 8),
        ("looped_uniform", "relative", 4),
        ("looped_uniform", "overlap-linear", 8),
        ("batched", "flat", 4),
    ],
)
def test_attached_equals_merged_and_is_finite(call, models, contexts, prompts, schedule, fuse, overlap):
    inputs = conditioned(call, prompts, [(contexts[1], 0.8)])
    settings = {"schedule": schedule, "fuse_method": fuse, "overlap": overlap, "closed_loop": True, "length": 13}
    merged, attached = (
        sample(call, windowed(call, finish(base), **settings), inputs, **LIGHT) for base, finish in models.values()
    )
    assert merged.isfinite().all() and torch.equal(merged, attached)


def test_the_last_node_on_a_model_counts_and_the_model_itself_stays(call, model, contexts, prompts):
    inputs = conditioned(call, prompts, [(contexts[1], 0.8)])
    before = sample(call, model, inputs, **LIGHT)
    ours = sample(call, windowed(call, model), inputs, **LIGHT)
    assert torch.equal(sample(call, windowed(call, host_windowed(call, model)), inputs, **LIGHT), ours)
    assert torch.equal(sample(call, windowed(call, windowed(call, model, length=5)), inputs, **LIGHT), ours)
    host = sample(call, host_windowed(call, model), inputs, **LIGHT)
    assert torch.equal(sample(call, host_windowed(call, windowed(call, model)), inputs, **LIGHT), host)
    assert torch.equal(sample(call, model, inputs, **LIGHT), before)


# Noise, memory, prompts


def test_freenoise_shuffles_the_video_and_leaves_the_references(call, models, contexts, prompts):
    inputs = conditioned(call, prompts, [(contexts[2], 0.8)])
    noise = noise_of(inputs)
    calls, _, _ = one_call_each(call, models, "merged", inputs, **{**STATIC, "freenoise": True})
    x = torch.zeros_like(noise)
    for each, window in zip(calls, WINDOWS, strict=True):
        x[:, :, with_lead(window, [0, 1], 2)] = each["x"]
    assert torch.equal(x[:, :, :5], noise[:, :, :5])  # the references, and the first window
    frames = [[k for k in range(T) if torch.equal(x[:, :, 2 + place], noise[:, :, 2 + k])] for place in range(T)]
    first = [k for (k,) in frames]
    assert first[:3] == [0, 1, 2] and sorted(first[3:5]) == [0, 1]  # later ones repeat the frames a window before
    assert set(first[5:]) == {first[2], first[3]} and not torch.equal(x, noise)


@pytest.mark.parametrize(("length", "counted"), [(9, 3 + 1 + 2), (21, 2 + T), (81, 2 + T)])
def test_memory_is_counted_for_a_window_with_its_references(call, model, contexts, prompts, length, counted):
    from comfy.patcher_extension import WrappersMP

    shapes = []

    def wrapper(executor, patcher, noise_shape, *args, **kwargs):
        shapes.append(list(noise_shape))
        return executor(patcher, noise_shape, *args, **kwargs)

    inputs = conditioned(call, prompts, [(contexts[2], 0.8)])
    clone = windowed(call, model, length=length).clone()
    clone.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, "record", wrapper)
    sample(call, clone, inputs, steps=1)
    assert [shape[2] for shape in shapes] == [counted]


@pytest.mark.parametrize("split", [False, True])
def test_combined_prompts_take_turns(call, models, contexts, prompts, split):
    texts = [[[torch.full((1, 24, 32), float(k)), {}]] for k in range(3)]
    combined = [each for text in texts for each in text]
    inputs = conditioned(call, [combined, prompts[1]], [(contexts[2], 0.8)])
    calls, _, _ = one_call_each(call, models, "merged", inputs, **STATIC, split_prompts=split)
    by_window = {}
    for each in calls:
        seen = by_window.setdefault(tuple(each["window"].index_list), set())
        seen.update(text.unique().item() for text in each["text"])
    turns = [{0.0}, {1.0}, {2.0}] if split else [{0.0, 1.0, 2.0}] * 3
    assert list(by_window.values()) == turns
