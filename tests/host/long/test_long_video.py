"""VACE Sample Long Video on the real host: counts, resuming, redoing, exact pixels, and the same as one short run."""

import pytest
import torch

from .three_segments import BUILD, SETTINGS

pytestmark = pytest.mark.host


def files(folder):
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(folder.glob("segment_*"))}


def test_every_frame_comes_out_and_the_report_tells_each_segment(make, runs):
    frames, report = make("counts")
    assert frames.shape == (13, 32, 48, 3)
    lines = report.splitlines()
    assert "13 frames in 3 segments of 5 frames; each keeps 1 of the one before." in lines
    assert [line.split(":")[0] for line in lines[-3:]] == [
        "Segment 1, frames 0 to 4", "Segment 2, frames 4 to 8", "Segment 3, frames 8 to 12"
    ]  # fmt: skip
    assert all(f"seed {5 + k}, colour drift" in line for k, line in enumerate(lines[-3:]))
    assert sorted(files(runs / "counts")) == ["segment_001.rgb", "segment_002.rgb", "segment_003.rgb"]


def test_one_segment_is_the_short_way_bit_for_bit(make, call, vace_model, vae, clip, video, mask):
    (vcu, *_) = call("VaceBuildVcu", control_video=video, control_masks=mask, inside_mask="empty", **BUILD)
    long, _ = make("one", vcu, segment_length=81, overlap=17, match_colour=False, keep_pixels=False)
    positive, negative = (call("CLIPTextEncode", clip=clip, text=text)[0] for text in ("a boy and his dog", ""))
    (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)
    positive, negative, latent, _ = call(
        "VaceApplyContext", positive=positive, negative=negative, context=context, strength=1.0, batch_size=1
    )
    (shifted,) = call("ModelSamplingSD3", model=vace_model, shift=5.0)
    (sampled,) = call(
        "KSampler", model=shifted, seed=5, steps=2, cfg=1.0, sampler_name="euler", scheduler="simple",
        positive=positive, negative=negative, latent_image=latent, denoise=1.0,
    )  # fmt: skip
    short = call("VaceDecodeLatent", samples=sampled, vae=vae, fps=0.0, trim_latent=-1, length=-1)[0]
    assert torch.equal(long, (short.clamp(0, 1) * 255).round().to(torch.uint8))


def test_kept_pixels_are_the_sources(make, video, mask):
    frames, _ = make("exact")
    source = (video * 255).round().to(torch.uint8)
    far = torch.nn.functional.max_pool2d(mask[:, None], 11, stride=1, padding=5)[:, 0] == 0  # beyond the feather of 4
    assert far.any() and torch.equal(frames[far], source[far])
    assert not torch.equal(frames, source)


def test_stopped_and_resumed_is_the_same_and_makes_only_what_is_missing(make, runs):
    whole, _ = make("whole")
    make("stopped")
    (runs / "stopped" / "segment_002.rgb").unlink()
    (runs / "stopped" / "segment_003.rgb").unlink()
    before = files(runs / "stopped")
    resumed, _ = make("stopped")
    assert torch.equal(resumed, whole)
    assert files(runs / "stopped")["segment_001.rgb"] == before["segment_001.rgb"]


def test_a_finished_run_samples_nothing(make, runs, monkeypatch):
    first, _ = make("done")
    before = files(runs / "done")
    import comfy.sample

    monkeypatch.setattr(comfy.sample, "sample_custom", lambda *a, **k: pytest.fail("sampled again"))
    again, _ = make("done")
    assert torch.equal(first, again) and files(runs / "done") == before


def test_one_segment_is_redone_with_another_seed_and_its_neighbours_stay(make, runs):
    first, _ = make("redo")
    before = files(runs / "redo")
    second, report = make("redo", redo="2:77")
    after = files(runs / "redo")
    assert [name for name in before if before[name] != after[name]] == ["segment_002.rgb"]
    assert "Segment 2, frames 4 to 8: seed 77" in report
    assert torch.equal(first[:4], second[:4]) and torch.equal(first[9:], second[9:])
    assert not torch.equal(first[5:8], second[5:8])
    third, _ = make("redo", redo="2:77")  # asked for again, it is there already
    assert files(runs / "redo") == after and torch.equal(second, third)


def test_prompts_by_segment_change_their_segment_only(make):
    plain, _ = make("plain")
    other, _ = make("other", prompts="a boy and his dog\n---\na boy and his dog\n---\na red dragon in the rain")
    assert torch.equal(plain[:8], other[:8])
    assert not torch.equal(plain[9:], other[9:])


def test_a_prompt_not_yet_used_may_change_a_used_one_may_not(make, runs):
    make("prompts")
    (runs / "prompts" / "segment_003.rgb").unlink()
    make("prompts", prompts="a boy and his dog\n---\na boy and his dog\n---\nrain")
    with pytest.raises(ValueError, match=r"Segment 2 of the run prompts was made with something else: prompt"):
        make("prompts", prompts="a boy and his dog\n---\nsnow\n---\nrain")
    make("prompts", prompts="a boy and his dog\n---\nsnow\n---\nrain", redo="2:9")


CHANGES = {
    r"seed \(was 5, now 6\)": {"seed": 6},
    "strength": {"strength": 0.5},
    "segments": {"segment_length": 9},
    "negative_prompt": {"negative_prompt": "blurry"},
    "anchor": {"anchor": True},
}


def test_changed_inputs_are_named_and_nothing_is_lost(make, runs):
    make("changed")
    before = files(runs / "changed")
    for named, changed in CHANGES.items():
        with pytest.raises(ValueError, match=f"The run changed was begun with something else: .*{named}"):
            make("changed", **changed)
        assert files(runs / "changed") == before


def test_another_model_or_video_is_named(make, call, video, vace_model):
    make("model")
    (faster,) = call("ModelSamplingSD3", model=vace_model, shift=2.0)
    make("model", model=faster)  # the shift of the settings counts, not the model's own
    (stronger,) = call(
        "VaceSetStrength", model=vace_model, steps="1, 0", frames="1", blocks="", references=1.0
    )  # fmt: skip
    with pytest.raises(ValueError, match="begun with something else: model"):
        make("model", model=stronger)
    (vcu, *_) = call("VaceBuildVcu", control_video=1 - video, inside_mask="empty", **BUILD)
    with pytest.raises(ValueError, match="begun with something else: vcu"):
        make("model", vcu)


def test_damaged_segment_is_named_and_can_be_redone(make, runs):
    whole, _ = make("damaged")
    path = runs / "damaged" / "segment_002.rgb"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"segment_002\.rgb"):
        make("damaged")
    again, _ = make("damaged", redo="2")
    assert torch.equal(again[:4], whole[:4]) and again.shape == whole.shape


def test_drift_beyond_the_limit_stops_and_keeps_what_is_finished(make, runs):
    with pytest.raises(ValueError, match=r"Segment 1 changed its colours by .* of 255, more than drift_limit 0.01"):
        make("drift", drift_limit=0.01)
    assert not files(runs / "drift")
    make("drift")


def test_anchor_shows_later_segments_the_first_frame(make):
    plain, _ = make("without")
    anchored, _ = make("with", anchor=True)
    assert torch.equal(plain[:4], anchored[:4])
    assert not torch.equal(plain[5:], anchored[5:])


def test_text_to_video_has_only_the_overlap_to_compare_with(make, call):
    (vcu, *_) = call("VaceBuildVcu", inside_mask="empty", **{**BUILD, "length": 9})
    frames, report = make("text", vcu)
    assert frames.shape == (9, 32, 48, 3)
    assert "Segment 1, frames 0 to 4: seed 5, no colour to compare with" in report
    assert "Segment 2, frames 4 to 8: seed 6, colour drift" in report


@pytest.mark.parametrize("name", ["../out", "/tmp/x", "C:\\x"])
def test_run_names_outside_are_refused(make, name):
    with pytest.raises(ValueError, match=r"run is .* it must name a folder inside output/vace_runs"):
        make(name)


@pytest.mark.parametrize("name", ["x" * 500, "x/" * 4000 + "x"])
def test_a_run_name_that_the_disk_cannot_take_is_refused(make, name):
    with pytest.raises(ValueError, match=r"^run is .*, too long a name for a folder"):
        make(name)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"overlap": 9}, "overlap is 9 but segment_length is 5"),
        ({"prompts": " "}, "prompts: it is empty"),
        ({"prompts": "a\n---\nb\n---\nc\n---\nd"}, "prompts holds 4 prompts but the video has 3 segments"),
        ({"redo": "4"}, "redo names segment 4, the video has 3"),
        ({"boundary": 1.5}, "boundary is 1.5; it must be a number from 0 to 1"),
    ],
)
def test_bad_input_is_refused_before_sampling(make, runs, changed, message):
    with pytest.raises(ValueError, match=message):
        make("bad", **changed)
    assert not list(runs.rglob("segment_*"))


def test_a_redone_segment_follows_its_new_prompt_whatever_its_seed(make, runs):
    make("reworded", redo="2:77")
    first, _ = make("reworded", redo="2:77")
    second, _ = make("reworded", redo="2:77", prompts="a boy and his dog\n---\nsnow\n---\na boy and his dog")
    assert torch.equal(first[:4], second[:4]) and not torch.equal(first[5:8], second[5:8])


def test_without_a_name_the_same_inputs_find_their_run_again(make, runs):
    first, report = make("")
    (folder,) = runs.iterdir()
    assert f"Run {folder.name}, in output/vace_runs." in report
    before = files(folder)
    again, _ = make(" ")
    assert torch.equal(first, again) and files(folder) == before
    make("", seed=6)
    make("", prompts="snow")
    assert len(list(runs.iterdir())) == 3 and files(folder) == before


def test_the_browser_does_not_change_the_seed_of_a_run(host_nodes):
    """By its name alone a seed gets a new value for each queue; the next one would not find its run."""
    options = host_nodes["VaceSampleLongVideo"].INPUT_TYPES()["optional"]["seed"][1]
    assert options["control_after_generate"] is False


def test_what_leaves_the_trained_range_is_told_once_for_all_segments(make, call, video):
    def vcu(references, length=13):
        pictures = {f"reference_image_{i}": video[i : i + 1] for i in range(references)}
        sizes = {**BUILD, "references": pictures, "length": length}
        return call("VaceBuildVcu", control_video=video, inside_mask="empty", **sizes)

    three, four = vcu(3), vcu(4)
    many = "references: the authors advise at most 3; leave out"
    assert many not in three[1] and four[1].count(many) == 1
    _, report = make("anchored", three[0], anchor=True, strength=5.0)
    assert report.count(f"4 {many}") == 1 and report.count("strength is 5, far from the 1") == 1
    _, report = make("told", four[0], anchor=True)
    assert many not in report and "strength" not in report
    for length, count in ((81, 0), (97, 1)):
        _, report = make(f"at {length}", vcu(0, 97)[0], segment_length=length, settings={**SETTINGS, "steps": 1})
        assert report.count("97 frames at once are more than the 81") == report.count("trained") == count
        assert report.count("set segment_length to 81.") == count
