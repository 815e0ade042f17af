"""What leaves the trained range, from the task node over the preview to the sampler: each sentence once."""

from types import SimpleNamespace

import pytest
import torch

from harness.inputs.checkpoints import DIFFUSION, TEXT_DIM

pytestmark = pytest.mark.host

MANY = "4 references: the authors advise at most 3; leave out those that matter least."
LONG = "97 frames at once are more than the 81"
BUILD = {"fit": "cover", "inside_mask": "empty", "soft_mask": False}
CUSTOM = {"settings": "custom", "steps": 1, "cfg": 1.0, "shift": 5.0, "sampler": "euler", "scheduler": "simple"}


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def text(seed):
    return [[rand(1, 24, TEXT_DIM, seed=seed), {}]]


def lines(caplog, start):
    return [m.removeprefix(start) for m in (r.getMessage() for r in caplog.records) if m.startswith(start)]


@pytest.fixture
def build(call):
    """A VCU of no video, and the report of the node that made it."""

    def run(length=5, width=48, height=32, references=0):
        pictures = {f"reference_image_{i}": rand(1, 32, 32, 3, seed=i) for i in range(references)}
        return call("VaceBuildVcu", references=pictures, width=width, height=height, length=length, **BUILD)

    return run


@pytest.fixture
def apply(host_nodes, call, vae, caplog):
    """Prompts and latent of a VCU, for the sampler; what VACE Apply Context says goes into the list behind it.

    Without ``shown`` it is a node that another one expanded to, as in VACE Sample VCU.
    """
    from comfy_api.latest import io
    from comfy_execution.graph import DynamicPrompt

    prompt = DynamicPrompt({"7": {}})
    prompt.add_ephemeral_node("7.0.0.4", {}, "7", "7")

    def run(vcu, strength=1.0, shown=False, prompts=None, **model):
        (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)
        positive, negative = prompts or (text(20), text(21))
        inputs = {"positive": positive, "negative": negative, "context": context, "strength": strength, **model}
        hidden = {io.Hidden.unique_id: "7" if shown else "7.0.0.4", io.Hidden.dynprompt: prompt}
        node = host_nodes["VaceApplyContext"].PREPARE_CLASS_CLONE({"hidden_inputs": hidden})
        caplog.clear()
        with caplog.at_level("INFO", logger="wan_vace"):
            outputs = node.EXECUTE_NORMALIZED(**inputs, batch_size=1).args
        run.said = lines(caplog, "VACE Apply Context: ")
        return dict(zip(("positive", "negative", "latent"), outputs, strict=False))

    return run


@pytest.fixture
def said(call, vace_model, caplog):
    """What VACE Sample Context says, a line each."""

    def run(**inputs):
        caplog.clear()
        with caplog.at_level("INFO", logger="wan_vace"):
            settings = {"seed": 3, "settings": CUSTOM, "denoise": 1.0, "boundary": 0.875, "model": vace_model}
            call("VaceSampleContext", **{**settings, **inputs})
        return lines(caplog, "VACE Sample Context: ")

    return run


def test_the_usual_path_is_not_told_of(build, apply, said):
    vcu, report = build(length=81, references=3)
    assert report == ""
    assert said(**apply(vcu)) == said(**apply(vcu, 0.5)) == said(**apply(vcu, 2.0)) == []


def test_what_a_task_node_has_told_is_not_told_by_the_sampler(call, build, apply, said):
    vcu, report = build(references=4)
    assert report == MANY
    _, preview = call("VacePreviewVcu", vcu=vcu, columns=3)
    assert preview.count(MANY) == 1
    assert said(**apply(vcu)) == []


def test_what_no_node_has_told_is_told_by_the_sampler(build, apply, said):
    from dataclasses import replace

    vcu, _ = build(references=4)
    assert said(**apply(replace(vcu, notes=()))) == [MANY]


def test_a_size_beyond_every_model_is_told_by_the_task_node_and_stays_in_the_preview(call, build):
    vcu, report = build(width=1920, height=1088)
    assert report.startswith("1.3B was trained with up to 832 x 480 and 14B with up to 1280 x 720, far less than")
    _, preview = call("VacePreviewVcu", vcu=vcu, columns=1)
    assert preview.count(report) == preview.count("was trained with") == 1
    _, hd = build(width=1280, height=720)
    assert hd == ""


def test_a_long_video_is_told_of_where_it_is_sampled_at_once(call, build, apply, said, vace_model):
    vcu, report = build(length=97)
    assert report == ""
    parts = apply(vcu)
    (sentence,) = said(**parts)
    assert sentence.startswith(LONG) and "VACE Sample Long Video or VACE Set Context Windows" in sentence
    assert call("VacePreviewVcu", vcu=vcu, columns=3)[1].count(LONG) == 1
    windows = {"overlap": 0, "schedule": "standard_static", "fuse_method": "flat", "closed_loop": False}
    rest = {"freenoise": False, "references_per_window": "", "split_prompts": False, "references": -1}
    for length, expected in ((81, []), (97, [f"{LONG} that the model was trained with"])):
        (model,) = call("VaceSetContextWindows", model=vace_model, length=length, **windows, **rest)
        sentences = said(**parts, model=model)
        assert [s.split(",")[0] for s in sentences] == expected
        assert all(s.endswith("make the context windows shorter.") for s in sentences)


def test_a_far_strength_is_told_unless_the_strength_is_shaped(call, build, apply, said, vace_model):
    parts = apply(build()[0], 5.0)
    assert said(**parts) == ["strength is 5, far from the 1 that the model was trained with; set it between 0.3 and 2."]
    shaped = call("VaceSetStrength", model=vace_model, steps="0:0.2")[0]
    assert said(**parts, model=shaped) == []


def test_guidance_of_a_guider_is_told_with_a_few_step_preset(call, build, apply, said, vace_model):
    parts = apply(build()[0])
    prompts = {name: parts[name] for name in ("positive", "negative")}
    for cfg, count in ((1.0, 0), (3.0, 1)):
        (guider,) = call("CFGGuider", model=vace_model, cfg=cfg, **prompts)
        settings = {"settings": "FusionX LoRA (8 steps)"}
        sentences = said(latent=parts["latent"], guider=guider, model=None, settings=settings)
        assert [s.split(":")[0][:11] for s in sentences] == ["cfg is 3, b"] * count


def test_few_steps_of_ones_own_with_guidance_are_told(build, apply, said):
    (sentence,) = said(**apply(build()[0]), settings={**CUSTOM, "steps": 2, "cfg": 4.0})
    assert sentence.startswith("2 steps with cfg 4 go with no model: set cfg to 1")


FAR = "strength is 5, far from the 1 that the model was trained with; set it between 0.3 and 2"
SHAPED = f"{FAR}, unless VACE Set Strength shapes it."


def test_for_the_hosts_own_samplers_it_is_told_where_the_context_is_applied_and_once(build, apply, said):
    """Without a model: with what is not known of it."""
    parts = apply(build(length=97)[0], 5.0, shown=True)
    length, strength = apply.said
    assert length.startswith(LONG) and length.endswith("or context windows if the model has none.")
    assert strength == SHAPED
    assert said(**parts) == []


def test_the_usual_context_is_not_told_of(build, apply, vace_model):
    vcu, _ = build(length=81, references=3)
    for model in ({}, {"model": vace_model}):
        for strength in (0.0, 0.5, 1.0, 2.0):
            apply(vcu, strength, shown=True, **model)
            assert apply.said == []


def test_what_a_task_node_has_told_is_not_told_with_the_context(build, apply, said):
    from dataclasses import replace

    vcu, _ = build(references=4)
    apply(vcu, shown=True)
    assert apply.said == []
    parts = apply(replace(vcu, notes=()), shown=True)
    assert apply.said == [MANY] and said(**parts) == []


def test_a_connected_model_says_what_it_was_trained_with(call, build, apply, said, vace_model):
    windows = {"overlap": 0, "schedule": "standard_static", "fuse_method": "flat", "closed_loop": False}
    rest = {"freenoise": False, "references_per_window": "", "split_prompts": False, "references": -1}
    (windowed,) = call("VaceSetContextWindows", model=vace_model, length=81, **windows, **rest)
    shaped = call("VaceSetStrength", model=windowed, steps="0:0.2")[0]
    vcu, _ = build(length=97)
    for model, expected in ((vace_model, [LONG, FAR]), (windowed, [FAR]), (shaped, [])):
        parts = apply(vcu, 5.0, shown=True, model=model)
        assert [sentence[: len(start)] for sentence, start in zip(apply.said, expected, strict=True)] == expected
        assert not any("unless" in sentence or "if the model has none" in sentence for sentence in apply.said)
        assert said(**parts, model=model) == []


def test_each_context_of_a_chain_tells_of_its_own_strength(build, apply, said):
    vcu, _ = build()
    first = apply(vcu, 5.0, shown=True)
    assert apply.said == [SHAPED]
    both = apply(vcu, 1.0, shown=True, prompts=(first["positive"], first["negative"]))
    assert apply.said == [] and said(**both) == []


def sized(model, width):
    """The model with a network of another width, which holds no weights."""
    import comfy.ldm.wan.model
    from comfy.ops import disable_weight_init

    sizes = {**DIFFUSION, "dim": width, "num_heads": width // 128, "num_layers": 1, "vace_layers": 1}
    other = model.clone()
    network = comfy.ldm.wan.model.VaceWanModel(**sizes, device="meta", operations=disable_weight_init)
    other.add_object_patch("diffusion_model", network)
    return other


def test_the_area_is_told_of_the_model_that_is_connected(host, vace_model):
    from wan_vace.nodes._host.models import SampledVideo, tell_untrained
    from wan_vace.vace_core.notes import collect_notes

    def told(width, rows, columns):
        with collect_notes() as notes:
            model = vace_model if width is None else sized(vace_model, width)
            tell_untrained(SampledVideo(81, rows, columns, 0, [1.0]), model)
        return [note.text for note in notes]

    (small,) = told(1536, 720, 1280)
    assert small.startswith("1.3B was trained with up to 832 x 480, far less than this 1280 x 720")
    assert "use the 14B model" in small
    assert told(1536, 480, 832) == told(5120, 480, 832) == told(5120, 720, 1280) == told(None, 1088, 1920) == []
    (large,) = told(5120, 1088, 1920)
    assert large.startswith("14B was trained with up to 1280 x 720") and "1.3B" not in large


def test_a_node_that_another_expanded_to_is_shown_as_that_other_one(host):
    from comfy_execution.graph import DynamicPrompt

    from wan_vace.nodes._host.report import _shown_id

    prompt = DynamicPrompt({"7": {}})
    prompt.add_ephemeral_node("7.0.0.sample", {}, "7", "7")
    seen = [SimpleNamespace(unique_id="7.0.0.sample", dynprompt=each) for each in (prompt, None)]
    assert [_shown_id(SimpleNamespace(hidden=hidden)) for hidden in seen] == ["7", "7.0.0.sample"]


def test_the_preview_reports_every_word_that_its_picture_says(build):
    from wan_vace.nodes.vcu._film_strip import _footer
    from wan_vace.vace_core.vcu import preflight

    vcu, _ = build(length=97, width=1920, height=1088, references=4)
    report = preflight(vcu)
    drawn = " ".join(line for line, _ in _footer(report, 640)).replace("! ", "Warning: ")
    assert drawn.split() == report.text().split() and LONG in drawn and MANY in drawn
