"""Adapters for a base from its file, from a folder of clips: what is read, what is refused, and what comes out."""

import importlib
import json
from dataclasses import replace

import av
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

SIZE, LENGTH = (32, 32), 5

pytestmark = pytest.mark.host


def frames_of(seed, length, height=32, width=32):
    from wan_vace.miniature.world import draw_scene, random_scene

    clip = draw_scene(random_scene(seed, second=False), length, height, width)
    return (clip.frames * 255).round().byte().numpy(), clip.scene.caption


def write_video(path, pictures, rate=16):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "4"})
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())


def write_animation(path, pictures):
    first, *others = (Image.fromarray(picture) for picture in pictures)
    first.save(path, save_all=True, append_images=others, duration=62, lossless=True)


def write_stills(path, pictures):
    path.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(path / f"{number:03}.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three clips of three kinds that can be used, and one of each kind that cannot."""
    folder = tmp_path_factory.mktemp("clips")
    for seed, (name, write) in enumerate((("a.mp4", write_video), ("b.webp", write_animation), ("c", write_stills))):
        pictures, caption = frames_of(seed, 8)
        write(folder / name, pictures)
        (folder / name).with_suffix(".txt").write_text(caption, "utf-8")
    bad = {"broken.mp4": None, "short.webp": (3, 32, 32), "small.webp": (8, 16, 32), "wide.webp": (8, 32, 96)}
    bad |= {"foreign.doc": None, "silent.webp": (8, 32, 32), "other_words.webp": (8, 32, 32)}
    for name, shape in bad.items():
        write_animation(folder / name, frames_of(1, *shape)[0]) if shape else (folder / name).write_bytes(b"nothing")
        if name != "silent.webp":
            (folder / name).with_suffix(".txt").write_text("a red circle", "utf-8")
    (folder / "other_words.txt").write_text("a purple dragon", "utf-8")
    return folder


@pytest.fixture
def options(command, files, folder, tmp_path):
    """Of a short training on the miniature."""
    return command.Options(
        files["base"],
        files["vae"],
        folder,
        tmp_path / "adapter.safetensors",
        captions=True,
        steps=4,
        width=SIZE[0],
        height=SIZE[1],
        length=LENGTH,
        batch=2,
        rate=1e-3,
        variants=2,
        save_every=2,
    )


def quiet(_):
    pass


def test_a_folder_with_bad_files_goes_on_with_the_rest(train, options):
    told = []
    train(options, told.append)
    listed = next(text for text in told if "left out" in text)
    assert listed.startswith("7 of 10 clips are left out:")
    for name, reason in (
        ("broken.mp4", "cannot be read"),
        ("foreign.doc", "is no video: it must end in .mp4"),
        ("other_words.webp", "has a caption of other words: The miniature does not know dragon, purple."),
        ("short.webp", "is too short: 3 frames at 16 frames per second, 5 are needed"),
        ("silent.webp", "has no caption: silent.txt is not there"),
        ("small.webp", "is too small: 32 x 16, it must have 32 x 32 or more"),
        ("wide.webp", "has another shape: of 96 x 32 more than half would be cut for 32 x 32"),
    ):
        assert f"  {name} {reason}" in listed
    kept = json.loads((options.state / "examples.json").read_text("utf-8"))
    assert {row["file"].split(".0")[0] for row in kept} == {"a.mp4", "b.webp", "c"}


def test_no_clip_left_is_said(train, options, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"No clip of .*empty can be used"):
        train(replace(options, clips=tmp_path / "empty"), quiet)
    with pytest.raises(ValueError, match="nowhere is no folder"):
        train(replace(options, clips=tmp_path / "nowhere"), quiet)


def test_an_interrupted_training_ends_like_a_whole_one(train, command, options, monkeypatch):
    whole = load_file(train(options, quiet))
    apart = replace(options, out=options.out.with_name("apart.safetensors"))
    examples = importlib.import_module("wan_vace.training.adapter.examples")
    write, draw = examples._write, command.ExampleSet.draw_batch
    counts = {"written": 0, "drawn": 0}

    def counted(kind, limit, function):
        def call(*arguments):
            counts[kind] += 1
            if counts[kind] == limit:
                raise KeyboardInterrupt
            return function(*arguments)

        return call

    monkeypatch.setattr(examples, "_write", counted("written", 4, write))  # while clips are encoded
    monkeypatch.setattr(command.ExampleSet, "draw_batch", counted("drawn", 4, draw))  # and again after a state was kept
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train(apart, quiet)
    told = []
    resumed = load_file(train(apart, told.append))
    assert "adapter: goes on at step 2 of 4" in told
    assert counts["written"] == 7  # six, and the one that was interrupted; none is encoded twice
    assert whole["vace_blocks.1.after_proj.weight"].any()  # it was trained at all
    assert all(torch.equal(resumed[name], weight) for name, weight in whole.items())


def test_another_setting_than_the_state_was_begun_with_is_refused(train, options):
    begun = replace(options, steps=1, variants=1)
    train(begun, quiet)
    with pytest.raises(ValueError, match=r"holds a training with other settings: rate was 0.001, seed was 0\."):
        train(replace(begun, rate=0.5, seed=1), quiet)


def test_memory_is_said_before_the_start(train, command, options, monkeypatch):
    monkeypatch.setattr(command, "free_memory", lambda _: 1 << 20)
    told = []
    with pytest.raises(ValueError, match=r"needs about .* GiB, 0.00 GiB are free \(cpu\)\. Choose .*add --anyway\."):
        train(options, told.append)
    rows = ("base weights", "adapter weights", "gradients", "Adam's moments", "average", "activations", "in all")
    assert all(row in told[0] for row in rows)
    assert "blocks computed twice" in told[0]
    assert not options.state.exists()
    assert train(replace(options, anyway=True, steps=1), quiet).exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"base": "nowhere.safetensors"}, "The base .*nowhere.safetensors is not there"),
        ({"base": "vae/small_wan_vae.safetensors"}, "small_wan_vae.safetensors is no Wan model"),
        ({"base": "diffusion_models/small_wan_vace.safetensors"}, "is a Wan vace model with 16 input channels"),
        ({"base": "diffusion_models/small_wan_t2v.safetensors"}, "--text-encoder is missing"),
        ({"vae": "diffusion_models/small_wan_t2v.safetensors"}, "small_wan_t2v.safetensors is no VAE"),
        ({"length": 6}, r"must be 4n \+ 1 .*got 6"),
        ({"steps": 0}, "--steps must be above 0, it is 0"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(train, options, changed, message):
    from harness.host import locations

    paths = {key: locations.base_dir() / "models" / value for key, value in changed.items() if key in ("base", "vae")}
    with pytest.raises(ValueError, match=message):
        train(replace(options, **changed | paths), quiet)


def test_few_steps_fit_one_clip(train, options, folder, tmp_path):
    one = tmp_path / "one"
    one.mkdir()
    (one / "a.mp4").write_bytes((folder / "a.mp4").read_bytes())
    chosen = replace(options, clips=one, captions=False, steps=30, variants=1, save_every=5, seed=3)
    train(chosen, quiet)
    losses = [json.loads(line)["loss"] for line in (chosen.state / "adapter.jsonl").read_text("utf-8").splitlines()]
    assert losses[-1] < losses[0]


def test_layers_that_are_not_spread_go_with_the_adapter(train, options, part, files, tmp_path):
    uneven = replace(options, layers="0,1,3", steps=1)
    with pytest.raises(ValueError, match=r"--out NEW_FOLDER/diffusion_pytorch_model.safetensors"):
        train(uneven, quiet)
    out = tmp_path / "own" / "diffusion_pytorch_model.safetensors"
    train(replace(uneven, out=out), quiet)
    read = importlib.import_module("wan_vace.nodes._host.adapter.files").read_adapter(out)
    assert read.layers == (0, 1, 3)


@pytest.mark.parametrize(
    ("layers", "message"),
    [("0,b", "must be spread or numbers"), ("3,5", "must begin with 0"), ("0,99", "names block 99")],
)
def test_layers_that_cannot_be_are_refused(train, options, layers, message):
    with pytest.raises(ValueError, match=message):
        train(replace(options, layers=layers), quiet)
