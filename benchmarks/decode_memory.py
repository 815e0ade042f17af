"""Memory from a latent to a saved file: the core nodes against VACE Decode Latent and VACE Decode Video.

81 frames of 1280 x 720, each run in a process of its own. The network is all but taken out, so that what is seen is
what lies around it.
"""

import hashlib
import sys
import tempfile
import time
from pathlib import Path

import torch
from _memory import MEBI, dense, main, measured, peak, sparse, spread, thin_vae

from harness.host.inprocess import load_host
from harness.host.locations import ROOT

LENGTH, HEIGHT, WIDTH = 81, 720, 1280
ROUNDS = 3
WAYS = {
    "core": "VAE Decode, Create Video",
    "frames": "VACE Decode Latent",
    "video": "VACE Decode Video",
}
RESULT = ROOT / "benchmarks" / "results" / "decode_memory.md"


def report():
    yield "# What decoding takes, from a latent to a file"
    yield ""
    yield (
        f"`python dev.py bench decode_memory`: {LENGTH} frames of {WIDTH} x {HEIGHT}, on the CPU, one thread, each run "
        f"in a process of its own, the network all but taken out. Memory is the peak above what there was before, CPU "
        f"time all of it, writing the file included; median of {ROUNDS} runs, least and most in brackets."
    )
    yield ""
    yield "| way, then saving as mp4 | memory, MiB | ratio | CPU s | ratio | same file |"
    yield "|---|--:|--:|--:|--:|---|"
    rounds = [{way: measured(__file__, way) for way in WAYS} for _ in range(ROUNDS)]
    for way, name in WAYS.items():
        cells = []
        for column in (0, 1):
            ratios = sorted(each["core"][column] / each[way][column] for each in rounds)
            cells += [spread(sorted(each[way][column] for each in rounds)), spread(ratios)]
        same = all(each[way][2] == each["core"][2] for each in rounds)
        yield f"| {name} | {' | '.join(cells)} | {'yes' if same else 'no'} |"


def run(way):
    """Peak MiB, CPU seconds, and the digest of the file."""
    torch.set_num_threads(1)
    call, length = load_host(), (LENGTH - 1) // 4 + 1
    vae, generator = sparse_vae(), torch.Generator().manual_seed(0)
    samples = torch.randn(1, 16, length, HEIGHT // 8, WIDTH // 8, generator=generator)
    latent = {"samples": samples, "vace_num_references": 0, "vace_num_frames": LENGTH}
    before, begun = peak(reset=True), time.process_time()
    video = {"core": by_core, "frames": by_frames}.get(way, by_video)(call, vae, latent)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "video.mp4")
        video.save_to(str(file))
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return (peak() - before) / MEBI, time.process_time() - begun, digest


def sparse_vae():
    """A VAE of one channel that makes every fifth row and column, and the others like these."""
    vae = thin_vae()
    decoder = vae.first_stage_model.decoder
    first, last = decoder.conv1, decoder.head[-1]
    look, give = first.forward, last.forward
    width = WIDTH // 8
    first.forward = lambda x, cache=None: look(sparse(x, width), None if cache is None else sparse(cache, width))
    last.forward = lambda x, cache=None: dense(give(x, cache), WIDTH)
    return vae


def by_core(call, vae, latent):
    (frames,) = call("VAEDecode", vae=vae, samples=latent)
    return call("CreateVideo", images=frames, fps=16.0)[0]


def by_frames(call, vae, latent):
    return call("VaceDecodeLatent", vae=vae, samples=latent, fps=16.0, trim_latent=-1, length=-1)[1]


def by_video(call, vae, latent):
    return call("VaceDecodeVideo", vae=vae, samples=latent, fps=16.0, trim_latent=-1, length=-1)[0]


if __name__ == "__main__":
    main(sys.argv[1:], run, report, RESULT)
