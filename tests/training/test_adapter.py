"""Adapters for a base from its file, from a folder of clips: what is read, what is refused, and what comes out."""

import importlib
import json
from dataclasses import replace

import av
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

SIZE, LENGTH, LAYERS = (32, 32), 5, 4

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def command(host, gradients):
    """The module, with the host as it must be for training."""
    import comfy.model_management

    was, comfy.model_management.in_training = comfy.model_management.in_training, True
    yield importlib.import_module("wan_vace.training.adapter.command")
    comfy.model_management.in_training = was


@pytest.fixture(scope="module")
def train(command):
    """The training, where the miniature's words are known."""
    from wan_vace.miniature.world.vocabulary import VOCABULARY

    return lambda options, tell: command.train_adapter(options, tell, [VOCABULARY])


@pytest.fixture(scope="module")
def part(command):
    """Another module of the training."""
    return lambda name: importlib.import_module(f"wan_vace.training.adapter.{name}")


@pytest.fixture(scope="module")
def files(command, tmp_path_factory):
    """A base and a VAE of the miniature's kind, fewer layers and random weights."""
    from wan_vace.miniature.networks import models
    from wan_vace.training.networks import save_weights

    torch.manual_seed(5)
    folder, base = tmp_path_factory.mktemp("models"), models.new_dit(num_layers=LAYERS)
    nn.init.normal_(base.head.head.weight, std=0.05)  # else nothing reaches the output
    paths = {"base": folder / "base.safetensors", "vae": folder / "vae.safetensors"}
    save_weights(base.state_dict(), paths["base"], models.CONFIG)
    save_weights(models.new_vae().state_dict(), paths["vae"])
    return paths


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


def begun(part, files, layers="spread"):
    networks = part("base")
    base = networks.describe_base(files["base"])
    chosen = networks.choose_layers(base, layers)
    return networks.new_adapter(base, chosen, torch.device("cpu")), chosen, base


def test_the_estimate_is_near_what_autograd_keeps(part, files):
    """Counted by hand: the adapter's weights exactly, what the gradient needs within a third."""
    memory = part("memory")
    model, layers, base = begun(part, files)
    adapter = [weight for name, weight in model.named_parameters() if name.startswith("vace_")]
    nn.ModuleList([model.vace_blocks, model.vace_patch_embedding]).requires_grad_(True)
    for block in model.vace_blocks:
        nn.init.normal_(block.after_proj.weight, std=0.02)
    stored, weights = {}, {weight.untyped_storage().data_ptr() for weight in model.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            stored[storage.data_ptr()] = (tensor, storage.nbytes())
        return tensor

    shape = (1, 16, 3, 32, 32)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(
            torch.randn(shape),
            torch.full((1,), 500.0),
            torch.randn(1, 16, 64),
            vace_context=torch.randn(1, 1, 96, *shape[2:]),
            vace_strength=[1.0],
        )
    sizes = (base.config["dim"], base.config["ffn_dim"], LAYERS, len(layers), base.num_bytes)
    load = memory.TrainingLoad(*sizes, tokens=3 * 16 * 16, text_tokens=16, compute=4)
    rows = memory.estimate_memory(load, recompute=False)
    assert rows["adapter weights"] == pytest.approx(4 * sum(weight.numel() for weight in adapter), rel=0.02)
    needed = rows["activations"] + rows["weights as computed with"]
    assert needed == pytest.approx(sum(size for _, size in stored.values()), rel=0.33)
    assert memory.estimate_memory(load, recompute=True)["activations"] < needed / 3


def drawing(seed):
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=generator)


def test_computing_blocks_twice_changes_no_gradient(part, files):
    def gradient(recompute):
        model, _, _ = begun(part, files)
        if recompute:
            part("base").recompute_blocks(model)
        model.vace_blocks.requires_grad_(True)
        draw = drawing(1)
        context, video, text = draw(1, 1, 96, 2, 4, 4), draw(1, 16, 2, 4, 4), draw(1, 16, 64)
        found = model(video, torch.full((1,), 500.0), text, vace_context=context, vace_strength=[1.0])
        (found * draw(*found.shape)).sum().backward()
        return [block.after_proj.weight.grad for block in model.vace_blocks]

    assert all(torch.equal(a, b) for a, b in zip(gradient(False), gradient(True), strict=True))


@torch.no_grad()
def test_an_adapter_that_was_not_trained_changes_nothing(part, files, host, tmp_path):
    import comfy.sd

    attach, adapter = (importlib.import_module(f"wan_vace.nodes._host.adapter.{name}") for name in ("attach", "model"))
    draw = drawing(2)
    model, layers, _ = begun(part, files)
    text, latent = draw(1, 16, 64), {"samples": torch.zeros(1, 16, 2, 8, 8)}
    context = {"vace_frames": [draw(1, 32, 2, 8, 8)], "vace_mask": [draw(1, 64, 2, 8, 8)], "vace_strength": [1.0]}
    plain = comfy.sd.load_diffusion_model(str(files["base"]))

    def sampled(sampler, **extra):
        prompts = [[[vectors, dict(extra)]] for vectors in (text, 0 * text)]
        return host.common_ksampler(sampler, 1, 2, 3.0, "euler", "simple", *prompts, latent)[0]["samples"]

    def with_adapter(name):
        path = part("base").save_adapter(model, tmp_path / name, layers)
        return sampled(attach.attach(plain, adapter.load_adapter(path)), **context)

    alone = sampled(plain)
    assert torch.equal(with_adapter("fresh.safetensors"), alone)
    model.vace_blocks[0].after_proj.weight.data.normal_(std=0.1)
    assert not torch.equal(with_adapter("changed.safetensors"), alone)


def test_captions_are_read_by_a_text_encoder(part):
    from harness.nodes.wan_vace_dev import load_clip

    texts_of, clip = part("texts"), load_clip()
    with torch.no_grad():
        texts = texts_of.encode_captions(clip, ["a small dragon made of ice", "a boy"], 32)
        whole = clip.encode_from_tokens_scheduled(clip.tokenize("a boy"))[0][0]
    assert torch.equal(texts.batch([2]), whole.half().float())
    assert [len(row) for row in texts.rows] == sorted((len(row) for row in texts.rows), key=lambda n: (n != 1, -n))
    assert len(texts.rows[1]) > len(texts.rows[2]) > len(texts.rows[0]) >= 1
    with pytest.raises(ValueError, match="gives 32 numbers for a token, the base reads 4096"):
        texts_of.encode_captions(clip, [], 4096)


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


def test_a_quantised_base_is_refused(part, files, tmp_path):
    weights = load_file(files["base"]) | {"blocks.0.ffn.0.scale_weight": torch.ones(1)}
    save_file(weights, tmp_path / "fp8_scaled.safetensors")
    with pytest.raises(ValueError, match=r"fp8_scaled\.safetensors is quantised"):
        part("base").describe_base(tmp_path / "fp8_scaled.safetensors")


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
