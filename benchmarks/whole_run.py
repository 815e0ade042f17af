"""From images to a sampled latent: the core graph (WanVaceToVideo, KSampler, the merged model) against ours.

Both run in turn in one process, by the host's own nodes, on one VAE and one model. The edit that follows has another
prompt: the core node encodes again with it, ours does not.
"""

import hashlib
import time
from functools import partial

import torch
from _memory import allocated
from _table import Spread, Table, is_quick, keep, ratios

from harness.host.inprocess import load_host
from harness.host.locations import ROOT, pack_module

STEPS = 4
ROUNDS = 1 if is_quick() else 3
GREY = 0.5
MINIATURE = "miniature_wan_vae.safetensors"
RANDOM = "random"  # a VAE of the real one's width, of random weights
# By name: frames, height and width, and the VAE.
CASES = {
    "miniature, 17 frames of 64 x 64": (17, 64, 64, MINIATURE),
    "miniature, 81 frames of 64 x 64": (81, 64, 64, MINIATURE),
    "miniature with a VAE of 96 channels, 17 frames of 64 x 64": (17, 64, 64, RANDOM),
}
EDITS = ("first", "again, another prompt")
TIMES = ("wall s", "CPU s")
WAYS = ("core", "wan-vace", "ratio")
COLUMNS = ("edit", *(f"{way}, {what}" for what in (*TIMES, "peak MiB") for way in WAYS), "same latent")
TEXT = (
    "`python dev.py bench whole_run`: an inpaint of {steps} steps of euler at CFG 1 from IMAGE to LATENT with the "
    "merged VACE model of the miniature, on the CPU, one thread: *WanVaceToVideo* and *KSampler* against *VACE Build "
    "VCU*, *VACE Encode VCU*, *VACE Apply Context* and the same *KSampler*. Ratio is core / wan-vace. Times are "
    "medians of {rounds} pairs that ran in turn, least and most in brackets, behind a run of each that does not count. "
    "Memory is what PyTorch's tensors take at most above inputs and models, counted by its profiler in a run of its "
    "own: pages of the process, as the system counts them, went from 0 to 60 MiB for the same run, by what the C "
    "library had kept of what was freed before. *Again* is the same edit with another prompt, behind the first. In "
    "real models a step weighs more against the encoder than here. No GPU was at hand: not measured there."
)
RESULT = ROOT / "benchmarks" / "results" / "whole_run.md"


def measure():
    torch.set_num_threads(1)
    names = [name for name, case in CASES.items() if not (is_quick() and RANDOM in case)]
    call = load_host()
    with torch.inference_mode():
        model = miniature(call)
        rows = [row for name in names for row in rows_of(call, model, name)]
    return Table("From images to a sampled latent", TEXT.format(steps=STEPS, rounds=ROUNDS), COLUMNS, rows)


def rows_of(call, model, name):
    length, height, width, vae = CASES[name]
    sides = both(call, model, load_vae(call, vae))
    clips, prompts = [clip(length, height, width)], [prompt(model, seed) for seed in (1, 2)]
    peaks = [held(side, clips, prompts) for side in sides]  # first: these runs warm up, too
    rounds = [[timed(side, clips, prompts) for side in sides] for _ in range(ROUNDS)]
    for number, edit in enumerate(EDITS):
        pairs = [[side[number] for side in each] for each in rounds]
        cells = []
        for what in TIMES:
            values = [[side[what] for side in pair] for pair in pairs]
            cells += [Spread.of(core for core, _ in values), Spread.of(own for _, own in values), ratios(values)]
        core, own = (peak[number] for peak in peaks)
        same = all(core["latent"] == own["latent"] for core, own in pairs)
        print(name, edit, *map(str, cells), core, own, same, flush=True)
        yield f"{name}: {edit}", *cells, core, own, core / own, same


def timed(side, clips, prompts):
    """By edit: seconds and what came out."""
    side.forget()
    return [_timed(partial(side.run, clips, positive)) for positive in prompts]


def _timed(run):
    wall, cpu = time.perf_counter(), time.process_time()
    samples = run()
    seconds = {"wall s": time.perf_counter() - wall, "CPU s": time.process_time() - cpu}
    return {**seconds, "latent": hashlib.sha256(samples.contiguous().numpy().tobytes()).hexdigest()}


def held(side, clips, prompts):
    """By edit: MiB at most."""
    side.forget()
    return [allocated(partial(side.run, clips, positive))[1] for positive in prompts]


def both(call, model, vae, steps=STEPS):
    """The core's side and ours, the device tried out."""
    sides = [kind(call, model, vae, steps) for kind in (Core, Ours)]
    for side in sides:
        side.run([clip(5, 32, 32)], prompt(model, 0))
        side.forget()
    return sides


def miniature(call):
    """Its merged model."""
    return call("UNETLoader", unet_name="miniature_wan_vace.safetensors", weight_dtype="default")[0]


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
        """The latent that is sampled."""
        return self.sample(*self.condition(clips, positive))

    def sample(self, positive, negative, latent):
        settings = {"seed": 1, "steps": self.steps, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
        wires = {"model": self.model, "positive": positive, "negative": negative, "latent_image": latent}
        return self.call("KSampler", **wires, **settings, denoise=1.0)[0]["samples"]


class Core(_Side):
    """By the core's nodes."""

    def forget(self):
        """It remembers nothing."""

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

    def forget(self):
        """Begin anew, as in a new session."""
        self.contexts.clear()
        pack_module("nodes._host.conditioning.clip_memory").memory_of(self.vae).clear()

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
    keep(str(measure()), RESULT)
