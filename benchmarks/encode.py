"""Encoding a VCU: the core node WanVaceToVideo against VACE Build VCU and VACE Encode VCU, task by task, 81 frames.

Counted: the arithmetic of the VAE, by torch's FlopCounterMode; its ratio at real size is counted without computing.
Timed: CPU time of pairs run in turn. Every row says whether the latents are the same.
"""

import statistics
import time
from functools import partial
from unittest.mock import patch

import torch
from _table import is_quick, keep
from torch.utils.flop_counter import FlopCounterMode

from harness.host.inprocess import load_host
from harness.host.locations import ROOT, pack_module

LENGTH, SIDE, WIDTH, ROUNDS = 81, 32, 16, 1 if is_quick() else 5
LARGE = 64
REAL = {} if is_quick() else {"480p": (480, 832), "720p": (720, 1280)}
GREY = 0.5
RESULT = ROOT / "benchmarks" / "results" / "encode.md"


def main():
    lines = ["# Encoding a VCU, beside the core node", "", *heading()]
    call = load_host()
    with torch.inference_mode():
        lines += rows(call)
        lines += [] if is_quick() else as_wide_as_real(call)
    keep("\n".join(lines), RESULT)


def heading():
    columns = ["arithmetic, first", "arithmetic, again", *(f"first, {name}" for name in REAL)]
    columns += ["CPU time, first", "CPU time, again"]
    return [
        f"`python dev.py bench encode`: {LENGTH} frames, core node / wan-vace, ComfyUI's VAE with random weights. "
        f"Arithmetic at {SIDE} x {SIDE} and {WIDTH} channels is counted while it runs; at real size (96 channels) it "
        f"is that of the layers that run. *First*: nothing remembered. *Again*: grey is, as after the first VCU of a "
        f"session. CPU time is that of one thread, minimum / median / maximum of {ROUNDS} pairs.",
        "",
        f"| task | {' | '.join(columns)} | same latents |",
        f"|---|{'--:|' * len(columns)}---|",
    ]


def random(num_frames, seed=0, side=SIDE):
    return torch.rand(num_frames, side, side, 3, generator=torch.Generator().manual_seed(seed))


def kept(count):
    """A clip of so many frames of its own, and grey; and the mask of the rest."""
    video, mask = torch.full((LENGTH, SIDE, SIDE, 3), GREY), torch.ones(LENGTH, SIDE, SIDE)
    video[:count], mask[:count] = random(count), 0
    return video, mask


def framed():
    """A clip with a grey border."""
    video, mask = random(LENGTH), torch.ones(LENGTH, SIDE, SIDE)
    mask[:, 8:24, 8:24] = 0
    return torch.where(mask[..., None] > GREY, torch.tensor(GREY), video), mask


# Control, mask and reference of each task.
TASKS = {
    "control": lambda: (random(LENGTH), None, None),
    "outpaint, or inpaint with grey": lambda: (*framed(), None),
    "first frame": lambda: (*kept(1), None),
    "17 kept frames": lambda: (*kept(17), None),
    "reference alone": lambda: (None, None, random(1, 5)),
    "control inside a mask": lambda: (random(LENGTH), random(LENGTH, 3)[..., 0].round(), None),
}


def rows(call):
    streaming, memories = (pack_module(f"nodes._host.conditioning.{name}") for name in ("streaming", "clip_memory"))
    for task, inputs in TASKS.items():
        video, mask, reference = inputs()
        vae = small_vae(WIDTH)
        native, ours = runs(call, vae, video, mask, reference)
        grey = half(streaming, torch.full((1, SIDE, SIDE, 3), GREY).expand(LENGTH, -1, -1, -1))
        streaming.encode_half(vae, half(streaming, random(5)))  # the check of the device, once for each VAE

        def forget(vae=vae):
            memories.memory_of(vae).clear()

        def remember(vae=vae, grey=grey):
            memories.memory_of(vae).clear()
            streaming.encode_half(vae, grey)

        flops, times = [], []
        for prepare in (forget, remember):
            prepare()
            flops.append(counted(native) / counted(ours))
            times.append(timed(native, ours, prepare))
        same = torch.equal(native(), ours())
        real = [f"{real_ratio(task, size):.2f}" for size in REAL.values()]
        cells = [f"{flops[0]:.2f}", f"{flops[1]:.2f}", *real, *times, "yes" if same else "NO"]
        print(f"{task}: {cells}", flush=True)
        yield f"| {task} | {' | '.join(cells)} |"


def as_wide_as_real(call):
    """What is left of a reference alone is one frame, for which a CPU takes more time than its arithmetic says.

    So it is compared with the least that is possible, too: with the host's encoding of the reference and nothing else.
    """
    streaming = pack_module("nodes._host.conditioning.streaming")
    vae = small_vae(96)
    reference = random(1, 5, LARGE)
    native, ours = runs(call, vae, None, None, reference, LARGE)
    streaming.encode_half(vae, half(streaming, torch.full((1, LARGE, LARGE, 3), GREY).expand(LENGTH, -1, -1, -1)))
    ratio = timed(native, ours, lambda: None, rounds=3)
    least = timed(lambda: vae.encode(reference), ours, lambda: None, rounds=20)
    yield ""
    yield (
        f"*Reference alone*, again, with 96 channels at {LARGE} x {LARGE}, 3 pairs: CPU time {ratio}. One frame by "
        f"itself takes a CPU more time than its arithmetic says. The least that is possible is ComfyUI's own encoding "
        f"of the reference and nothing else; that time / ours: {least}, 20 pairs."
    )


def half(streaming, frames):
    """A half of a VCU whose content is the frames."""
    return streaming.HalfFrames(frames, torch.zeros(frames.shape[:3]), len(frames), reactive=False)


def runs(call, vae, video, mask, reference, side=SIDE):
    """The core node and ours, each giving the latents."""
    prompt = [[torch.zeros(1, 16, 32), {}]]
    size = {"width": side, "height": side, "length": LENGTH}

    def native():
        return call(
            "WanVaceToVideo", positive=prompt, negative=prompt, vae=vae, batch_size=1, strength=1.0,
            control_video=video, control_masks=mask, reference_image=reference, **size,
        )[0][0][1]["vace_frames"][0]  # fmt: skip

    def ours():
        pictures = {} if reference is None else {"reference_image_0": reference}
        vcu, _ = call(
            "VaceBuildVcu", references=pictures, inside_mask="control", control_video=video, control_masks=mask, **size
        )
        return call("VaceEncodeVcu", vae=vae, vcu=vcu)[0].latents

    return native, ours


def network(width, device="cpu"):
    from comfy.ldm.wan.vae import WanVAE

    with torch.device(device):
        made = WanVAE(dim=width, z_dim=16, temperal_downsample=[False, True, True])
    if device == "cpu":
        noise = torch.Generator().manual_seed(3)
        for name, weight in made.named_parameters():
            scale = weight[0].numel() ** -0.5 if weight.ndim > 1 else 0.05
            weight.copy_(
                torch.ones(()) if name.endswith("gamma") else torch.randn(weight.shape, generator=noise) * scale
            )
    return made


def small_vae(width):
    import comfy.sd

    return comfy.sd.VAE(sd=network(width).state_dict(), dtype=torch.float32)


def real_ratio(task, size):
    """How many times less arithmetic at real size: two whole encodes against the parts that run."""
    video, mask, _ = TASKS[task]()
    encoder, core = pack_module("nodes._host.conditioning.encoder"), pack_module("vace_core.conditioning")
    vae = network(96, "meta")
    for layer in vae.modules():
        if hasattr(layer, "optimized_attention"):
            layer.optimized_attention = attention  # the host's asks the device for its memory
    moving = [torch.empty(1, 3, n, *size, device="meta") for n in (1, *[2] * 40)]
    still = [torch.empty(1, 3, 1, *size, device="meta"), *[torch.empty(1, 3, 2, *size, device="meta")] * 40]
    whole = counted(lambda: vae.encode(torch.cat(moving, dim=2)))
    if video is None:
        halves = [still]
    else:
        vcu = pack_module("vace_core.vcu").Vcu(video, torch.ones(video.shape[:3]) if mask is None else mask)
        halves = [like(half, moving, still) for half in core.split_halves(vcu)]
    if len(halves) == 2 and halves[0] is halves[1]:
        halves = halves[:1]
    stream = partial(encoder.encode_stream, vae.encoder, num_chunks=len(still), told=lambda: None)
    with patch.object(encoder, "_same", lambda before, chunk: before is chunk):  # chunks without content
        ran = sum(counted(partial(stream, chunks=iter(chunks))) for chunks in halves)
    reference = counted(lambda: vae.encode(moving[0])) if video is None else 0
    return (2 * whole + reference) / (ran + reference)


def attention(q, k, v):
    """Of [b, c, h, w], with the arithmetic of the host's."""
    queries, keys, values = (each.flatten(2) for each in (q, k, v))
    weights = torch.bmm(queries.transpose(1, 2), keys)
    return torch.bmm(values, weights.transpose(1, 2)).view(v.shape)


def like(half, moving, still):
    """Chunks without content that repeat where those of a half do."""
    if half.is_grey():
        return still
    starts = [0, *range(1, LENGTH, 2)]
    parts = [half.part(start, min(start + 2, LENGTH) if start else 1) for start in starts]
    chunks = []
    for number, part in enumerate(parts):
        as_before = number > 1 and torch.equal(part, parts[number - 1])
        chunks.append(chunks[-1] if as_before else moving[number])
    return chunks


def counted(run):
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def timed(native, ours, prepare, rounds=ROUNDS):
    """Ratio of CPU times, minimum / median / maximum."""
    torch.set_num_threads(1)
    ratios = []
    for _ in range(rounds + 1):
        theirs = cpu_seconds(native)
        prepare()
        ratios.append(theirs / cpu_seconds(ours))
    ratios = sorted(ratios[1:])
    return f"{ratios[0]:.2f} / {statistics.median(ratios):.2f} / {ratios[-1]:.2f}"


def cpu_seconds(run):
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == "__main__":
    main()
