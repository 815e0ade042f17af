"""Windows with the references in front: what each model call sees, and the blend, worked out a second time by hand."""

import dataclasses

import pytest
import torch

from .test_adapter import conditioned, sample, strength

pytestmark = pytest.mark.host

T = 7  # latent frames of the video: 25 frames
STATIC = {"length": 9, "overlap": 4, "schedule": "standard_static", "freenoise": False}
WINDOWS = [[0, 1, 2], [2, 3, 4], [4, 5, 6]]  # 3 latent frames, 1 of them shared
LIGHT = {"steps": 2, "cfg": 1.0}
KINDS = ["merged", "attached"]
FUSES = ["pyramid", "relative", "flat", "overlap-linear"]


def encode(call, vae, references=0, frames=25, seed=1):
    generator = torch.Generator().manual_seed(seed)
    video = torch.rand(frames, 32, 48, 3, generator=generator)
    mask = (torch.rand(frames, 32, 48, generator=generator) > 0.5).float()
    pictures = {f"reference_image_{i}": torch.rand(1, 32, 48, 3, generator=generator) for i in range(references)}
    settings = {"width": 0, "height": 0, "length": 0, "fit": "cover", "inside_mask": "control", "soft_mask": False}
    vcu = call("VaceBuildVcu", references=pictures, control_video=video, control_masks=mask, **settings)[0]
    return call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]


@pytest.fixture(scope="module")
def models(call, vace_model, plain_model):
    adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]

    def attach(model):
        return call("VaceApplyAdapter", model=model, adapter=adapter)[0]

    return {"merged": (vace_model, lambda model: model), "attached": (plain_model, attach)}


@pytest.fixture(params=KINDS)
def model(request, models):
    base, finish = models[request.param]
    return finish(base)


@pytest.fixture(scope="module")
def contexts(call, vae):
    """By number of references."""
    return [encode(call, vae, references) for references in range(3)]


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
        calls.append({"x": x, "context": kwargs["vace_context"], "text": c_crossattn, "window": window})
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
def test_the_blend_equals_one_by_hand(call, model, contexts, prompts, fuse, references):
    inputs = conditioned(call, prompts, [(contexts[references], 0.8)])
    noise = noise_of(inputs)
    expected = by_hand(call, model, inputs[0], noise, references, fuse)
    result = one_step(call, windowed(call, model, **STATIC, fuse_method=fuse), inputs[0], noise)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


def test_the_blend_of_references_for_parts_equals_one_by_hand(call, model, contexts, prompts):
    inputs = conditioned(call, prompts, [(contexts[2], 0.8)])
    noise = noise_of(inputs)
    expected = by_hand(call, model, inputs[0], noise, 2, seen=lambda window: [0, 1] if window[0] == 0 else [1])
    result = one_step(
        call, windowed(call, model, **STATIC, references_per_window="1: 0-4"), inputs[0], noise
    )  # fmt: skip
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


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


# Strength for each token in windows


@pytest.mark.parametrize("references", [0, 2])
def test_weak_references_in_windows_equal_slices_by_hand(call, model, contexts, prompts, references):
    weak = dataclasses.replace(contexts[references], reference_strengths=(0.3, 0.6)[:references])
    inputs = conditioned(call, prompts, [(weak, 0.8), (contexts[0], 0.4)])
    noise = noise_of(inputs)
    expected = by_hand(call, model, inputs[0], noise, references)
    result = one_step(call, windowed(call, model, **STATIC), inputs[0], noise)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


FIELDS = {
    "frames": {"frames": "1, 0"},
    "references": {"references": 0.3},
    "mask": {"mask": torch.rand(25, 32, 48, generator=torch.Generator().manual_seed(5))},
}


@pytest.mark.parametrize("late", [False, True], ids=["field first", "windows first"])
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_in_windows_equals_the_same_strengths_cut_by_hand(call, model, contexts, prompts, field, late):
    from wan_vace.vace_core.curves import parse_curve
    from wan_vace.vace_core.schedule import StrengthField

    settings = {"frames": "1", "references": 1.0, "mask": None, **FIELDS[field]}
    same = StrengthField(
        frames=parse_curve("frames", settings["frames"]), references=settings["references"], mask=settings["mask"]
    )
    inputs = conditioned(call, prompts, [(contexts[2], 0.8)])
    noise = noise_of(inputs)
    values = {**inputs[0][0][1], "vace_strength": [0.8 * same.token_factors(2, T, 4, 6)]}
    expected = by_hand(call, model, [[inputs[0][0][0], values]], noise, 2)
    changed = (
        strength(call, windowed(call, model, **STATIC), **settings)
        if late
        else windowed(call, strength(call, model, **settings), **STATIC)
    )
    result = one_step(call, changed, inputs[0], noise)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(
        result, one_step(call, windowed(call, model, **STATIC), inputs[0], noise), rtol=1e-4, atol=1e-4
    )


def test_a_field_works_in_the_hosts_windows(call, models, contexts, prompts):
    inputs = conditioned(call, prompts, [(contexts[1], 0.8)])
    merged, attached = (
        sample(call, host_windowed(call, strength(call, finish(base), frames="1, 0", references=0.3)), inputs, **LIGHT)
        for base, finish in models.values()
    )
    assert merged.isfinite().all() and torch.equal(merged, attached)


def test_a_field_in_the_hosts_windows_reaches_the_same_frames(call, model, contexts, prompts):
    """A strength of 0 in front of the last window is no VACE there and full VACE in the others."""
    inputs = conditioned(call, prompts, [(contexts[0], 0.8)])
    settings = {"steps": 1, "cfg": 1.0}
    field = {"frames": "0:1, 60%:1, 60%:0"}  # latent frames 4, 5, 6 of 0 to 6 have none
    batched = {"context_schedule": "batched", "context_overlap": 0, "freenoise": False, "context_length": 13}
    full, half = (
        sample(call, host_windowed(call, each, **batched), inputs, **settings)
        for each in (model, strength(call, model, **field))
    )
    torch.testing.assert_close(half[:, :, :4], full[:, :, :4], rtol=1e-5, atol=1e-5)
    assert (half[:, :, 4:] - full[:, :, 4:]).abs().max() > 1e-3


def test_windows_that_do_not_say_their_frames_are_refused(call, model, contexts, prompts):
    inputs = conditioned(call, prompts, [(contexts[0], 0.8)])
    foreign = strength(call, model, frames="1, 0").clone()
    foreign.model_options["transformer_options"]["context_window"] = [0, 1, 2]
    with pytest.raises(ValueError, match=r"model has context windows that do not say .* Use VACE Context Windows"):
        sample(call, foreign, inputs)


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


# Conditioning of other nodes, and wrong inputs


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
def test_conditioning_of_the_hosts_node_needs_its_trim_latent(call, model, models, foreign, prompts, reference):
    inputs, trim = foreign(prompts, reference)
    with pytest.raises(ValueError, match=r"references is -1, but .* Connect that node's trim_latent to references"):
        sample(call, windowed(call, model), inputs)
    result = one_step(call, windowed(call, model, **STATIC, references=trim), inputs[0], noise_of(inputs))
    expected = by_hand(call, model, inputs[0], noise_of(inputs), trim)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


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
        ({"length": 0, "overlap": 0}, "length is 0; a window must hold at least 1 frame"),
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
    assert [record.getMessage().removeprefix("VACE Context Windows: ") for record in caplog.records] == [
        "Windows hold 13 frames, not 10: the model works in 4n + 1.",
        "Windows overlap by 4 frames, not 6: they move in steps of 4.",
        "closed_loop has no effect: it is for schedule looped_uniform.",
        "overlap has no effect: schedule batched cuts the video without overlap.",
    ]
