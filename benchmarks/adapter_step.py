"""Cost of a sampling step: the plain text-to-video model, the host's merged VACE model, and ours, in one run.

Small random weights on the CPU. With them every operation that is not arithmetic weighs far more than in a real model,
so what is added around the blocks shows here first. Operations and block calls are counted, and do not go by the load.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from _table import Table, is_quick, keep, ratios
from torch.utils._python_dispatch import TorchDispatchMode

from harness.host.inprocess import load_host
from harness.host.locations import ROOT

STEPS, LAST = 6, 3  # steps of a run, and those behind the end of a schedule
ROUNDS = 5 if is_quick() else 31
SIZE, LENGTH = 256, 9
ENDS = "0:1, 45%:1, 45%:0"
ADAPTER = "wan_vace_adapter"  # under which the host holds it
RESULT = ROOT / "benchmarks" / "results" / "adapter_step.md"
TEXT = (
    "`python dev.py bench adapter_step`: {steps} steps of euler at {size} x {size}, {length} frames and CFG, random "
    "weights with the structure of the real ones (two VACE blocks), one thread. *Ratio* is the CPU time of the first "
    "by that of the second, median of {rounds} pairs run in turn, least and most in brackets; the first row says what "
    "this machine makes of two equal runs. VACE blocks and operations of PyTorch are counted over a whole run, its "
    "preparation included. In real models the adapter is half of a plain step (1.3B) or a fifth (14B). What is left "
    "with VACE Set Strength is the merged model's own: it embeds a VCU whatever its strength, which of a real step is "
    "one multiplication in 7,000 (1.3B at 480p). No GPU was at hand: not measured there."
)
COLUMNS = ("first / second", "VACE blocks", "operations", "ratio", "same result")


@dataclass(frozen=True)
class Run:
    """A way to sample, and the blocks that are counted in it."""

    sample: Callable
    blocks: list

    def timed(self):
        """CPU seconds."""
        start = time.process_time()
        self.sample()
        return time.process_time() - start

    def counted(self):
        """``(VACE blocks, operations)`` of one run."""
        calls = []
        hooks = [block.register_forward_hook(lambda *_: calls.append(1)) for block in self.blocks]
        try:
            with _Operations() as seen:
                self.sample()
        finally:
            for hook in hooks:
                hook.remove()
        return len(calls), seen.count


class _Operations(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += 1
        return function(*args, **kwargs or {})


def measure():
    torch.set_num_threads(1)
    text = TEXT.format(steps=STEPS, size=SIZE, length=LENGTH, rounds=ROUNDS)
    with torch.inference_mode():
        rows = [row(name, *pair) for name, pair in pairs(load_host()).items()]
    return Table("Cost of a sampling step", text, COLUMNS, rows)


def row(name, first, second):
    same = torch.equal(first.sample(), second.sample())
    (blocks, operations), (our_blocks, our_operations) = first.counted(), second.counted()
    times = [_in_turn(first, second, number % 2) for number in range(ROUNDS)]
    print(name, ratios(times), flush=True)
    return name, f"{blocks} / {our_blocks}", f"{operations} / {our_operations}", ratios(times), same


def _in_turn(first, second, swapped):
    """CPU seconds of both; which of them begins changes from pair to pair."""
    if swapped:
        later = second.timed()
        return first.timed(), later
    return first.timed(), second.timed()


def pairs(call):
    """By name, what is run in turn."""
    plain, merged, attached = models(call)
    scheduled, merged_too = (with_strength(call, model, ENDS) for model in (attached, merged))
    ones, never = (with_strength(call, merged, steps) for steps in ("1", "0"))
    positive, negative, context = inputs(call)

    def run(model, scale=1.0, **settings):
        return Run(sampling(call, model, (positive, negative, context), scale, **settings), vace_blocks(model))

    base, behind = run(plain), run(plain, start=STEPS - LAST)
    return {
        "plain model / itself": (base, base),
        "plain model / adapter at strength 0": (base, run(attached, 0.0)),
        "plain model / adapter behind its schedule's end": (behind, run(scheduled, start=STEPS - LAST)),
        "plain model / merged model with VACE Set Strength at 0": (base, run(never)),
        "plain model / merged model behind its schedule's end": (behind, run(merged_too, start=STEPS - LAST)),
        "merged model at strength 0, the core's / adapter at strength 0": (run(merged, 0.0), run(attached, 0.0)),
        "merged model / adapter": (run(merged), run(attached)),
        "merged model / the same with VACE Set Strength at 1": (run(merged), run(ones)),
    }


def models(call):
    """Plain, merged, and the plain one with an adapter."""
    plain, merged = (
        call("UNETLoader", unet_name=f"small_wan_{kind}.safetensors", weight_dtype="default")[0]
        for kind in ("t2v", "vace")
    )
    (adapter,) = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")
    return plain, merged, call("VaceApplyAdapter", model=plain, adapter=adapter)[0]


def with_strength(call, model, steps):
    return call("VaceSetStrength", model=model, steps=steps, frames="1", blocks="", references=1.0)[0]


def inputs(call):
    """Both prompts and a context."""
    (vae,) = call("VAELoader", vae_name="small_wan_vae.safetensors")
    prompts = [[[torch.randn(1, 16, 32, generator=torch.Generator().manual_seed(seed)), {}]] for seed in (0, 1)]
    vcu, _ = call("VaceBuildVcu", references={}, width=SIZE, height=SIZE, length=LENGTH, inside_mask="empty")
    return *prompts, call("VaceEncodeVcu", vae=vae, vcu=vcu)[0]


def vace_blocks(model):
    attached = model.get_additional_models_with_key(ADAPTER)
    network = (attached[0] if attached else model).model.diffusion_model
    return list(getattr(network, "vace_blocks", []))


def sampling(call, model, given, scale, start=0):
    """What samples, from one step of the schedule to its end."""
    positive, negative, context = given
    positive, negative, latent, _ = call(
        "VaceApplyContext", positive=positive, negative=negative, context=context, strength=scale, batch_size=1
    )
    wires = {"model": model, "positive": positive, "negative": negative, "latent_image": latent}
    settings = {"steps": STEPS, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "noise_seed": 1}
    part = {"start_at_step": start, "end_at_step": STEPS, "add_noise": "enable"}
    settings |= {**part, "return_with_leftover_noise": "disable"}
    return lambda: call("KSamplerAdvanced", **wires, **settings)[0]["samples"]


if __name__ == "__main__":
    keep(str(measure()), RESULT)
