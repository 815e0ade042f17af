"""Memory and CPU time around the VAE: the core node WanVaceToVideo against VACE Build VCU, Encode VCU, Apply Context.

81 frames of 1280 x 720 with a reference, each run in a process of its own. The network is all but taken out, and its
time does not count, so that what is seen is what the nodes take; what its last layers give is of full size.
"""

import hashlib
import sys
import time
from functools import partial

import torch
from _memory import MEBI, allocated, dense, main, measured, peak, sparse, spread
from _memory import thin_vae as plain_vae
from _table import is_quick

from harness.host.inprocess import load_host
from harness.host.locations import ROOT

LENGTHS = LENGTH, LONGER = 81, 121
HEIGHT, WIDTH = 720, 1280
COUNTED = "counted"
INPUTS = ("control", "mask")
WHO = "core", "ours"
WAYS = [f"{who}, {what}" for what in ("MiB", "CPU s") for who in ("core node", "wan-vace", "ratio")]
TENSORS = (
    "core node, MiB", "wan-vace, MiB", "ratio, MiB",
    "core node, MB a frame", "the core's result, MB a frame", "wan-vace, MB a frame", "our result, MB a frame",
)  # fmt: skip
KEYS = "vace_frames", "vace_mask"
ROUNDS = 1 if is_quick() else 3
MEGA = 1e6
RESULT = ROOT / "benchmarks" / "results" / "encode_memory.md"


def report():
    yield "# What encoding takes around the VAE"
    yield ""
    yield (
        f"`python dev.py bench encode_memory`: {LENGTH} frames of {WIDTH} x {HEIGHT} with a reference, one thread, "
        f"each run in a process of its own. Memory is the peak above the inputs until both have their CONDITIONING, "
        f"CPU time that outside of the layers of the VAE's encoder; median of {ROUNDS} runs, least and most in "
        f"brackets."
    )
    yield ""
    yield f"| inputs | {' | '.join(WAYS)} | both results equal |"
    yield f"|---|{'--:|' * len(WAYS)}---|"
    rounds = {inputs: [_both(inputs, LENGTH) for _ in range(ROUNDS)] for inputs in INPUTS}
    yield from map(_row, rounds, rounds.values())
    if is_quick():
        return
    yield ""
    yield (
        f"The system's pages, as above, hold what the C library keeps of memory that was freed: tens of MiB, another "
        f"number each time. This is what PyTorch's tensors alone take at most, by its profiler, one run each: all of "
        f"{LENGTH} frames, and a frame more, {LONGER} frames against {LENGTH}, with how much of that is the result, "
        f"the tensors of CONDITIONING and LATENT."
    )
    yield ""
    yield f"| inputs | {' | '.join(TENSORS)} | both results equal |"
    yield f"|---|{'--:|' * len(TENSORS)}---|"
    yield from map(_growth, INPUTS)


def _both(inputs, length, *counted):
    return {who: measured(__file__, who, inputs, str(length), *counted) for who in WHO}


def _row(inputs, rounds):
    cells = []
    for column in ("MiB", "seconds"):
        theirs, own = (sorted(each[who][column] for each in rounds) for who in WHO)
        ratios = sorted(each["core"][column] / each["ours"][column] for each in rounds)
        cells += [spread(theirs), spread(own), spread(ratios)]
    return f"| {inputs} | {' | '.join(cells)} | {_equal(rounds)} |"


def _growth(inputs):
    short, longer = pair = [_both(inputs, length, COUNTED) for length in LENGTHS]
    most = [short[who]["MiB"] for who in WHO]
    cells = [f"{number:.4g}" for number in (*most, most[0] / most[1])]
    for who in WHO:
        per_frame = [(longer[who][key] - short[who][key]) * 2**20 / MEGA for key in ("MiB", "result")]
        cells += [f"{number / (LONGER - LENGTH):.2f}" for number in per_frame]
    return f"| {inputs} | {' | '.join(cells)} | {_equal(pair)} |"


def _equal(pairs):
    return "yes" if all(len({each[who]["digest"] for who in WHO}) == 1 for each in pairs) else "NO"


def run(who, inputs, length, *counted):
    """Peak and result in MiB, CPU seconds, and the digest of the result; counted: the peak of tensors alone."""
    torch.set_num_threads(1)
    call, length = load_host(), int(length)
    vae, spent = thin_vae(), []
    generator = torch.Generator().manual_seed(0)
    video, reference = (torch.rand(count, HEIGHT, WIDTH, 3, generator=generator) for count in (length, 1))
    mask = torch.rand(length, HEIGHT, WIDTH, generator=generator).round_() if inputs == "mask" else None
    encoder = vae.first_stage_model.encoder
    for layer in (encoder.conv1, *encoder.downsamples, *encoder.middle, *encoder.head):
        layer.register_forward_pre_hook(lambda *_: spent.append(-time.process_time()))
        layer.register_forward_hook(lambda *_: spent.append(time.process_time()))
    size = {"width": WIDTH, "height": HEIGHT, "length": length}
    encode = {"core": core_node, "ours": our_nodes}[who]
    begin = partial(encode, call, vae, reference, control_video=video, control_masks=mask, **size)
    if counted:
        result, most, _ = allocated(begin)
        return {"MiB": most, **described(result)}
    before, begun = peak(reset=True), time.process_time()
    result = begin()
    about = {"MiB": (peak() - before) / MEBI, "seconds": time.process_time() - begun - sum(spent)}
    return {**about, **described(result)}


def described(result):
    """What the tensors of a result take in memory, each block once, in MiB, and a digest of their values."""
    positive, negative, latent, _ = result
    tensors = [each for prompt in (positive, negative) for key in KEYS for each in prompt[0][1][key]]
    tensors.append(latent["samples"])
    blocks = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in tensors}
    digest = hashlib.sha256()
    for each in tensors:
        digest.update(each.contiguous().numpy())
    return {"result": sum(blocks.values()) / 2**20, "digest": digest.hexdigest()}


def core_node(call, vae, reference, **inputs):
    return call("WanVaceToVideo", **prompts(), vae=vae, batch_size=1, strength=1.0, reference_image=reference, **inputs)


def our_nodes(call, vae, reference, **inputs):
    vcu, _ = call("VaceBuildVcu", references={"reference_image_0": reference}, inside_mask="control", **inputs)
    (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu)
    return call("VaceApplyContext", **prompts(), context=context)


def prompts():
    prompt = [[torch.zeros(1, 16, 32), {}]]
    return {"positive": prompt, "negative": prompt}


def thin_vae():
    """A VAE of one channel that looks at every fifth row and column, so that its own memory and time are small."""
    vae = plain_vae()
    encoder = vae.first_stage_model.encoder
    first, last = encoder.conv1, encoder.head[-1]
    look, give = first.forward, last.forward
    first.forward = lambda x, cache=None: look(sparse(x, WIDTH), None if cache is None else sparse(cache, WIDTH))
    last.forward = lambda x, cache=None: dense(give(x, cache), WIDTH // 8)
    return vae


if __name__ == "__main__":
    main(sys.argv[1:], run, report, RESULT)
