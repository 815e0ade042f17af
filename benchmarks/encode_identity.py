"""Whether the streamed encoder gives the latents of the host's plain encode, to the bit, over many clips.

Each clip is encoded by ``vae.encode`` and by ours: with nothing remembered, and again as it is remembered then; a grey
one also behind a shorter and behind a longer one. Some are interrupted in a block drawn by lot.
"""

import random
import sys
from collections import Counter
from dataclasses import dataclass, field

import torch
from _table import Table, keep
from encode import GREY, half, network

from harness.host.inprocess import load_host
from harness.host.locations import ROOT, pack_module

SIDE = 16
SHORTEST, LONGEST = 5, 85
LENGTHS = tuple(range(SHORTEST, LONGEST + 1, 4))
SOME, FEW = (SHORTEST, 13, 29, 53, LONGEST), (SHORTEST, 13)
WIDTHS = {4: LENGTHS, 16: SOME, 32: SOME, 96: FEW}  # a wide network takes long
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
INTERRUPTED, NODES = "interrupted, then again", "core node, our nodes"
TEXT = (
    "`python dev.py bench encode_identity`: ComfyUI's VAE with random weights and 4 to 96 channels, frames of {side} x "
    "{side}, on the CPU, one thread. Cells: how many results are equal to the bit, of how many compared. 4 channels: "
    "every count 4n + 1 from {first} to {last}; 16 and 32: {some}; 96: {few}. Each clip is encoded with nothing "
    "remembered and again; a grey one also behind one of {first} and one of {last} frames. *Interrupted*: the host's "
    "exception is raised in a block and a call drawn by lot, which must leave what was remembered as it was and "
    "remember nothing new; then the clip is encoded again. *Core node*: latents and masks of both "
    "prompts from WanVaceToVideo against VACE Build VCU, VACE Encode VCU and VACE Apply Context, with a mask and "
    "a reference."
)
RESULT = ROOT / "benchmarks" / "results" / "encode_identity.md"


def listed(counts):
    return ", ".join(map(str, counts))


def noise(num_frames, seed=0):
    return torch.rand(num_frames, SIDE, SIDE, 3, generator=torch.Generator().manual_seed(seed))


def grey(num_frames):
    return torch.full((num_frames, SIDE, SIDE, 3), GREY)


def still(num_frames):
    return noise(1, 9).repeat(num_frames, 1, 1, 1)


def mixed(num_frames):
    """A third of each."""
    third = num_frames // 3
    return torch.cat([grey(third), noise(third, 1), still(num_frames - 2 * third)])


KINDS = {
    "random": noise,
    "grey": grey,
    "held still": still,
    "grey, moving, still": mixed,
    "first frame": lambda num_frames: torch.cat([noise(1), grey(num_frames - 1)]),
    "last frame": lambda num_frames: torch.cat([grey(num_frames - 1), noise(1)]),
}


@dataclass
class Matrix:
    """What was compared with one VAE.

    Attributes:
        vae: Of the host's class.
        dice: Draws where it is interrupted.
        compared: How many results, by column.
        equal: How many of them are.
    """

    vae: object
    dice: random.Random
    compared: Counter = field(default_factory=Counter)
    equal: Counter = field(default_factory=Counter)

    def __post_init__(self):
        self.streaming = pack_module("nodes._host.conditioning.streaming")
        self.memory = pack_module("nodes._host.conditioning.clip_memory").memory_of(self.vae)

    def take(self, column, same):
        """Count one more result."""
        self.compared[column] += 1
        self.equal[column] += same

    def encoded(self, frames):
        """Latents, by ours."""
        return self.streaming.encode_half(self.vae, half(self.streaming, frames))

    def clip(self, kind, num_frames):
        """One clip in every way, and for one of four interrupted."""
        frames = KINDS[kind](num_frames)
        expected = self.vae.encode(half(self.streaming, frames).whole())
        self.memory.clear()
        for _ in ("new", "remembered"):
            self.take(kind, torch.equal(self.encoded(frames), expected))
        for other in (SHORTEST, LONGEST) if kind == "grey" else ():
            self.memory.clear()
            self.encoded(grey(other))
            self.take(kind, torch.equal(self.encoded(frames), expected))
        if num_frames == SHORTEST or self.dice.random() < 1 / 4:
            self.take(INTERRUPTED, self.survives(frames, expected))

    def survives(self, frames, expected):
        """Whether an interruption is passed on, damages nothing, and the next encode is right."""
        self.memory.clear()
        calls = self.calls_of(frames)
        block = self.dice.choice([block for block in calls if calls[block]])
        self.memory.clear()
        before, held = self.encoded(noise(SHORTEST, 5)), self.memory.num_bytes
        stopped = self.interrupted(frames, block, self.dice.randrange(calls[block]))
        kept = self.memory.num_bytes == held and self.encoded(noise(SHORTEST, 5)) is before
        return stopped and kept and torch.equal(self.encoded(frames), expected)

    def blocks(self):
        """The encoder's, in order."""
        encoder = self.vae.first_stage_model.encoder
        return [encoder.conv1, *encoder.downsamples, *encoder.middle, encoder.head[-1]]

    def calls_of(self, frames):
        """By block, how often it runs for a clip."""
        calls = Counter()
        hooks = [block.register_forward_hook(lambda block, *_: calls.update([block])) for block in self.blocks()]
        self.encoded(frames)
        for hook in hooks:
            hook.remove()
        return calls

    def interrupted(self, frames, block, last):
        """Whether the host's exception comes through, raised in a call of a block."""
        from comfy.model_management import InterruptProcessingException

        runs = []

        def stop(*_):
            runs.append(1)
            if len(runs) > last:
                raise InterruptProcessingException()

        hook = block.register_forward_hook(stop)
        try:
            self.encoded(frames)
        except InterruptProcessingException:
            return True
        finally:
            hook.remove()
        return False


def nodes_agree(call, vae, num_frames):
    """Whether the core node and ours give the same latents and masks."""
    mask = noise(num_frames, 3)[..., 0].round()
    prompt, reference = [[torch.zeros(1, 16, 32), {}]], noise(1, 4)
    inputs = {"control_video": noise(num_frames), "control_masks": mask}
    inputs |= {"width": SIDE, "height": SIDE, "length": num_frames}
    prompts = {"positive": prompt, "negative": prompt}
    core = call("WanVaceToVideo", **prompts, **inputs, vae=vae, batch_size=1, strength=1.0, reference_image=reference)
    vcu, _ = call("VaceBuildVcu", references={"reference_image_0": reference}, inside_mask="control", **inputs)
    (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu)
    ours = call("VaceApplyContext", **prompts, context=context)
    keys = "vace_frames", "vace_mask"
    return all(torch.equal(core[at][0][1][key][0], ours[at][0][1][key][0]) for at in (0, 1) for key in keys)


def row(call, name, width, dtype):
    import comfy.sd

    vae = comfy.sd.VAE(sd=network(width).state_dict(), dtype=dtype)
    matrix = Matrix(vae, random.Random(width))
    for num_frames in WIDTHS[width]:
        for kind in KINDS:
            matrix.clip(kind, num_frames)
        matrix.take(NODES, nodes_agree(call, vae, num_frames))
    cells = [f"{matrix.equal[column]} of {matrix.compared[column]}" for column in (*KINDS, INTERRUPTED, NODES)]
    print(f"{name}, {width} channels", cells, flush=True)
    return (f"{name}, {width} channels", *cells), matrix.equal == matrix.compared


def main():
    torch.set_num_threads(1)
    call = load_host()
    with torch.inference_mode():
        made = [row(call, name, width, dtype) for width in WIDTHS for name, dtype in DTYPES.items()]
    text = TEXT.format(side=SIDE, first=SHORTEST, last=LONGEST, some=listed(SOME), few=listed(FEW))
    columns = ("VAE", *KINDS, INTERRUPTED, NODES)
    keep(str(Table("The streamed encoder and the host's", text, columns, [cells for cells, _ in made])), RESULT)
    sys.exit(not all(same for _, same in made))


if __name__ == "__main__":
    main()
