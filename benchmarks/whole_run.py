"""From images to a sampled latent: the core graph (WanVaceToVideo, KSampler, the merged model) against ours.

Each side runs in a process of its own, by the host's own nodes, with its models loaded before. The edit that follows
has another prompt: the core node encodes again with it, ours does not.
"""

import hashlib
import json
import sys
import time

import torch
from _memory import MEBI, measured, peak
from _table import Spread, Table, is_quick, keep, ratios

from harness.host.inprocess import load_host
from harness.host.locations import ROOT

STEPS = 4
ROUNDS = 1 if is_quick() else 3
WAYS = ("core", "ours")
GREY = 0.5
RANDOM = "random"  # a VAE of the real one's width, of random weights
# By name: frames, height and width, the VAE, and its channels where it is made here.
CASES = {
    "miniature, 17 frames of 64 x 64": (17, 64, 64, "miniature_wan_vae.safetensors"),
    "miniature, 81 frames of 64 x 64": (81, 64, 64, "miniature_wan_vae.safetensors"),
    "miniature with a VAE of 96 channels, 17 frames of 64 x 64": (17, 64, 64, RANDOM),
}
MEASURES = ("wall s", "CPU s", "peak MiB")
COLUMNS = ("edit", *(f"{who}, {what}" for what in MEASURES for who in ("core", "wan-vace", "ratio")), "same latent")
TEXT = (
    "`python dev.py bench whole_run`: an inpaint of {steps} steps of euler at CFG 1 from IMAGE to LATENT with the "
    "merged VACE model of the miniature, on the CPU, one thread: *WanVaceToVideo* and *KSampler* against *VACE Build "
    "VCU*, *VACE Encode VCU*, *VACE Apply Context* and the same *KSampler*. Ratio is core / wan-vace. Memory is the "
    "peak above inputs and models. *Again* is the same edit with another prompt, behind the first. Median of {rounds} "
    "rounds, least and most in brackets. In real models a step weighs more against the encoder than here. No GPU was "
    "at hand: not measured there."
)
RESULT = ROOT / "benchmarks" / "results" / "whole_run.md"


def measure():
    rows = [row for name in CASES for row in rows_of(name, ROUNDS)]
    return Table("From images to a sampled latent", TEXT.format(steps=STEPS, rounds=ROUNDS), COLUMNS, rows)


def rows_of(name, rounds):
    found = [{way: measured(__file__, way, *map(str, CASES[name])) for way in WAYS} for _ in range(rounds)]
    for number, edit in enumerate(("first", "again, another prompt")):
        pairs = [tuple(each[way]["edits"][number] for way in WAYS) for each in found]
        cells = []
        for what in MEASURES:
            values = [tuple(side[what] for side in pair) for pair in pairs]
            cells += [Spread.of(core for core, _ in values), Spread.of(own for _, own in values), ratios(values)]
        yield f"{name}: {edit}", *cells, all(core["latent"] == own["latent"] for core, own in pairs)


def run(way, length, height, width, vae, vcus="1", steps=str(STEPS)):
    """By edit: seconds and memory of its encoding and of all of it, and what came out."""
    torch.set_num_threads(1)
    call = load_host()
    (model,) = call("UNETLoader", unet_name="miniature_wan_vace.safetensors", weight_dtype="default")
    side = {"core": Core, "ours": Ours}[way](call, model, load_vae(call, vae), int(steps))
    side.run([clip(5, 32, 32)], prompt(model, 0))  # loads the models, tries out the device
    clips = [clip(int(length), int(height), int(width), seed) for seed in range(int(vcus))]
    return {"edits": [side.run(clips, prompt(model, seed)) for seed in (1, 2)]}


def load_vae(call, name):
    if name != RANDOM:
        return call("VAELoader", vae_name=name)[0]
    from encode import small_vae

    return small_vae(96)


def prompt(model, seed):
    dim = model.model.diffusion_model.text_embedding[0].weight.shape[1]
    return [[torch.randn(1, 16, dim, generator=torch.Generator().manual_seed(seed)), {}]]


def clip(length, height, width, seed=0):
    """Noise with an empty box, and the mask of the box."""
    video = torch.rand(length, height, width, 3, generator=torch.Generator().manual_seed(seed))
    mask = torch.zeros(length, height, width)
    mask[:, height // 4 : -height // 4, width // 4 : -width // 4] = 1
    return torch.where(mask[..., None] > GREY, torch.tensor(GREY), video), mask


class _Side:
    """One way from clips and their masks to a latent."""

    def __init__(self, call, model, vae, steps):
        self.call, self.model, self.vae, self.steps = call, model, vae, steps

    def run(self, clips, positive):
        peak(reset=True)
        before = peak()
        wall, cpu = time.perf_counter(), time.process_time()
        conditioned = self.condition(clips, positive)
        encoded = {"wall s": time.perf_counter() - wall, "CPU s": time.process_time() - cpu}
        encoded["peak MiB"] = (peak() - before) / MEBI
        samples = self.sample(*conditioned)
        whole = {"wall s": time.perf_counter() - wall, "CPU s": time.process_time() - cpu}
        whole["peak MiB"] = (peak() - before) / MEBI
        digest = hashlib.sha256(samples.contiguous().numpy().tobytes()).hexdigest()
        return {**whole, "encoded": encoded, "latent": digest}

    def sample(self, positive, negative, latent):
        settings = {"seed": 1, "steps": self.steps, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
        wires = {"model": self.model, "positive": positive, "negative": negative, "latent_image": latent}
        return self.call("KSampler", **wires, **settings, denoise=1.0)[0]["samples"]


class Core(_Side):
    """By the core's nodes."""

    def condition(self, clips, positive):
        """Both prompts with the clips, and an empty latent."""
        negative, latent = positive, None
        for video, mask in clips:
            length, height, width, _ = video.shape
            positive, negative, latent, _ = self.call(
                "WanVaceToVideo", positive=positive, negative=negative, vae=self.vae, width=width, height=height,
                length=length, batch_size=1, strength=1.0, control_video=video, control_masks=mask,
            )  # fmt: skip
        return positive, negative, latent


class Ours(_Side):
    """By ours; the host's cache keeps contexts where clip and mask stay, and so does this."""

    def __init__(self, *given):
        super().__init__(*given)
        self.contexts = {}

    def condition(self, clips, positive):
        """Both prompts with the clips, and an empty latent."""
        negative, latent = positive, None
        for video, mask in clips:
            if id(video) not in self.contexts:
                length, height, width, _ = video.shape
                vcu, _ = self.call(
                    "VaceBuildVcu", references={}, inside_mask="control", control_video=video, control_masks=mask,
                    width=width, height=height, length=length,
                )  # fmt: skip
                self.contexts[id(video)] = self.call("VaceEncodeVcu", vae=self.vae, vcu=vcu)[0]
            positive, negative, latent, _ = self.call(
                "VaceApplyContext", positive=positive, negative=negative, context=self.contexts[id(video)],
                strength=1.0, batch_size=1,
            )  # fmt: skip
        return positive, negative, latent


if __name__ == "__main__":
    if sys.argv[1:]:
        with torch.inference_mode():
            print(json.dumps(run(*sys.argv[1:])))
    else:
        keep(str(measure()), RESULT)
