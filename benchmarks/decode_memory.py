"""Memory from a latent to a saved file: the core nodes against ours, with and without what is put back afterwards.

81 frames of 1280 x 720, each run in a process of its own. The network is all but taken out, so that what is seen is
what lies around it.
"""

import hashlib
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from _memory import MEBI, STRIDE, allocated, measured, peak, repeated, sparse, thin_vae
from _table import Spread, Table, is_quick, keep, ratios

from harness.host.inprocess import load_host
from harness.host.locations import ROOT

LENGTH, HEIGHT, WIDTH = 81, 720, 1280
ROUNDS = 1 if is_quick() else 3
CORE = "core"
# By what is done: by name of the way, what it is called and whose file it must write.
WAYS = {
    CORE: ("VAE Decode, Create Video", CORE),
    "frames": ("VACE Decode Latent", CORE),
    "video": ("VACE Decode Video", CORE),
    "core pasted": ("VAE Decode, ImageCompositeMasked, Create Video", "core pasted"),
    "pasted frames": ("VACE Decode Latent, VACE Paste Back", "pasted frames"),
    "pasted video": ("VACE Decode Video with `vcu`", "pasted frames"),
    "stitched frames": ("VACE Decode Latent, VACE Stitch Crop", "stitched frames"),
    "stitched video": ("VACE Decode Video with `crop`", "stitched frames"),
}
QUICKLY = CORE, "video", "pasted frames", "pasted video"
COLUMNS = (
    "way, then saving as mp4", "memory, MiB", "core / this, memory", "tensors, MiB", "CPU s", "core / this, CPU s",
    "file as by", "same file",
)  # fmt: skip
TEXT = (
    "`python dev.py bench decode_memory`: {length} frames of {width} x {height}, on the CPU, one thread, each run in a "
    "process of its own, the network all but taken out. Memory is the peak above what there was before, which holds "
    "the source that is put back; a part of it the C library keeps of what was freed, so tensors are counted by "
    "PyTorch's profiler, too. CPU time is all of it, writing the file included; median of {rounds} runs, least and "
    "most in brackets. The core's way, by which all others are divided, puts nothing back; ImageCompositeMasked, which "
    "has no feather, does."
)
RESULT = ROOT / "benchmarks" / "results" / "decode_memory.md"


def measure():
    ways = QUICKLY if is_quick() else WAYS
    rounds = [{way: measured(__file__, way) for way in ways} for _ in range(ROUNDS)]
    tensors = {way: "not counted" if is_quick() else measured(__file__, way, "counted") for way in ways}
    rows = []
    for way in ways:
        name, like = WAYS[way]
        cells = []
        for column in (0, 1):
            cells += [
                Spread.of(each[way][column] for each in rounds),
                ratios((each[CORE][column], each[way][column]) for each in rounds),
            ]
        same = all(each[way][2] == each[like][2] for each in rounds)
        rows.append((name, *cells[:2], tensors[way], *cells[2:], WAYS[like][0], same))
    text = TEXT.format(length=LENGTH, width=WIDTH, height=HEIGHT, rounds=ROUNDS)
    return Table("What decoding takes, from a latent to a file", text, COLUMNS, rows)


def run(way, *counted):
    """Peak MiB, CPU seconds, and the digest of the file; counted: the peak of tensors alone."""
    torch.set_num_threads(1)
    call = load_host()
    generator = torch.Generator().manual_seed(0)
    kept, size = source(call, way, generator)
    length = (LENGTH - 1) // 4 + 1
    samples = torch.randn(1, 16, length, *(side // 8 for side in size), generator=generator)
    latent = {"samples": samples, "vace_num_references": 0, "vace_num_frames": LENGTH}
    save = partial(saved, call, way, sparse_vae(*size), latent, kept)
    if counted:
        _, most, _ = allocated(save)
        return most
    before, begun = peak(reset=True), time.process_time()
    digest = save()
    return (peak() - before) / MEBI, time.process_time() - begun, digest


def saved(*given):
    """Digest of the file that is made of what `made` takes."""
    video = made(*given)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "video.mp4")
        video.save_to(str(file))
        return hashlib.sha256(file.read_bytes()).hexdigest()


def source(call, way, generator):
    """What is put back, by the name of its socket, and (H, W) of what is generated."""
    if " " not in way:
        return {}, (HEIGHT, WIDTH)
    coarse = torch.rand(LENGTH, 3, HEIGHT // 80, WIDTH // 80, generator=generator)  # noise would weigh in the file
    clip = torch.nn.functional.interpolate(coarse, (HEIGHT, WIDTH), mode="bilinear").movedim(1, -1).contiguous()
    del coarse
    (vcu, *_) = call("VaceInpaintVideo", video=clip, boxes="20%,30%,45%,60% 40%,30%,65%,60%")
    if way == "core pasted":
        return {"destination": clip, "mask": vcu.mask}, (HEIGHT, WIDTH)
    if way.startswith("pasted"):
        return {"vcu": vcu}, (HEIGHT, WIDTH)
    cropped, crop, _ = call("VaceCropVcu", vcu=vcu)
    return {"crop": crop}, (cropped.height, cropped.width)


def made(call, way, vae, latent, kept):
    """The VIDEO."""
    if way.startswith(CORE):
        (frames,) = call("VAEDecode", vae=vae, samples=latent)
        if kept:
            (frames,) = call("ImageCompositeMasked", source=frames, x=0, y=0, resize_source=False, **kept)
        return call("CreateVideo", images=frames, fps=16.0)[0]
    if way.endswith("video"):
        return call("VaceDecodeVideo", vae=vae, samples=latent, fps=16.0, **kept)[0]
    frames, video = call("VaceDecodeLatent", vae=vae, samples=latent, fps=16.0)
    if not kept:
        return video
    del video
    node = "VacePasteBack" if "vcu" in kept else "VaceStitchCrop"
    return call(node, frames=frames, **kept)[1]


def sparse_vae(height, width):
    """A VAE of one channel that makes every fifth row and column, and the others like these."""
    vae = thin_vae()
    decoder = vae.first_stage_model.decoder
    first, last = decoder.conv1, decoder.head[-1]
    look, give = first.forward, last.forward
    columns = width // 8
    made = 8 * len(range(0, columns, STRIDE))

    def whole(pixels):
        return repeated(pixels)[..., :height, :width] if pixels.shape[-1] == made else pixels

    first.forward = lambda x, cache=None: look(sparse(x, columns), None if cache is None else sparse(cache, columns))
    last.forward = lambda x, cache=None: whole(give(x, cache))
    return vae


if __name__ == "__main__":
    if sys.argv[1:]:
        with torch.inference_mode():
            print(json.dumps(run(*sys.argv[1:])))
    else:
        keep(str(measure()), RESULT)
