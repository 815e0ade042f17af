"""Memory and CPU time around the VAE: the core node WanVaceToVideo against VACE Build VCU and VACE Encode VCU.

81 frames of 1280 x 720 with a reference, each run in a process of its own. The network is all but taken out, and its
time does not count, so that what is seen is what the nodes take.
"""

import sys
import time

import torch
from _memory import MEBI, dense, main, measured, peak, sparse, spread
from _memory import thin_vae as plain_vae

from harness.host.inprocess import load_host
from harness.host.locations import ROOT

LENGTH, HEIGHT, WIDTH = 81, 720, 1280
INPUTS = ("control", "mask")
ROUNDS = 3
RESULT = ROOT / "benchmarks" / "results" / "encode_memory.md"


def report():
    yield "# What encoding takes around the VAE"
    yield ""
    yield (
        f"`python dev.py bench encode_memory`: {LENGTH} frames of {WIDTH} x {HEIGHT} with a reference, one thread, "
        f"each run in a process of its own. Memory is the peak above the inputs, CPU time that outside of the VAE's "
        f"layers; median of {ROUNDS} runs, least and most in brackets."
    )
    yield ""
    yield "| inputs | core node, MiB | wan-vace, MiB | ratio | core node, CPU s | wan-vace, CPU s | ratio |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for inputs in INPUTS:
        pairs = [(measured(__file__, "core", inputs), measured(__file__, "ours", inputs)) for _ in range(ROUNDS)]
        cells = []
        for column in (0, 1):
            theirs, own = (sorted(pair[who][column] for pair in pairs) for who in (0, 1))
            ratios = sorted(theirs / own for (theirs, own) in ((a[column], b[column]) for a, b in pairs))
            cells += [spread(theirs), spread(own), spread(ratios)]
        print(inputs, cells, flush=True)
        yield f"| {inputs} | {' | '.join(cells)} |"


def run(who, inputs):
    torch.set_num_threads(1)
    call = load_host()
    vae, spent = thin_vae(), []
    video, reference = torch.rand(LENGTH, HEIGHT, WIDTH, 3), torch.rand(1, HEIGHT, WIDTH, 3)
    mask = torch.rand(LENGTH, HEIGHT, WIDTH).round_() if inputs == "mask" else None
    encoder = vae.first_stage_model.encoder
    for layer in (encoder.conv1, *encoder.downsamples, *encoder.middle, *encoder.head, vae.first_stage_model.conv1):
        layer.register_forward_pre_hook(lambda *_: spent.append(-time.process_time()))
        layer.register_forward_hook(lambda *_: spent.append(time.process_time()))
    size = {"width": WIDTH, "height": HEIGHT, "length": LENGTH}
    begin = {"core": core_node, "ours": our_nodes}[who]
    before, begun = peak(reset=True), time.process_time()
    begin(call, vae, reference, control_video=video, control_masks=mask, **size)
    return (peak() - before) / MEBI, time.process_time() - begun - sum(spent)


def core_node(call, vae, reference, **inputs):
    prompt = [[torch.zeros(1, 16, 32), {}]]
    call(
        "WanVaceToVideo", positive=prompt, negative=prompt, vae=vae, batch_size=1, strength=1.0,
        reference_image=reference, **inputs,
    )  # fmt: skip


def our_nodes(call, vae, reference, **inputs):
    vcu, _ = call("VaceBuildVcu", references={"reference_image_0": reference}, inside_mask="control", **inputs)
    call("VaceEncodeVcu", vae=vae, vcu=vcu)


def thin_vae():
    """A VAE of one channel that looks at every fifth row and column, so that its own memory and time are small."""
    vae = plain_vae()
    first, last = vae.first_stage_model.encoder.conv1, vae.first_stage_model.conv1
    look, give = first.forward, last.forward
    first.forward = lambda x, cache=None: look(sparse(x, WIDTH), None if cache is None else sparse(cache, WIDTH))
    last.forward = lambda x: dense(give(x), WIDTH // 8)
    return vae


if __name__ == "__main__":
    main(sys.argv[1:], run, report, RESULT)
