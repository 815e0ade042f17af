"""What the acceptance on an accelerator times where it encodes: the work, and not the memory of it."""

import time

import pytest

from harness.gpu import sampling, weights
from harness.gpu.latents import Pictures
from harness.gpu.session import Session
from harness.host.accelerated import RunningHost
from harness.host.inprocess import run_node

pytestmark = pytest.mark.host
CLIPS = 3  # two halves and a reference
SHAPE = sampling.TINY_SHAPES["48x32x5"]


@pytest.fixture
def vae(host, tmp_path):
    """A VAE of small random weights, as `write_vae` writes it, read by the host."""
    import comfy.sd
    import comfy.utils

    path = weights.write_vae(tmp_path / "vae.safetensors", True, sampling.device())
    return comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(path)))


@pytest.mark.parametrize("with_mask", [False, True], ids=["control", "control and mask"])
def test_every_timed_run_of_this_pack_calls_the_encoder(host, host_nodes, vae, tmp_path, with_mask):
    running = RunningHost(lambda node_id, **inputs: run_node(host.NODE_CLASS_MAPPINGS[node_id], inputs), "off")
    session = Session("encode", "", True, False, tmp_path, tmp_path / "rows.jsonl", time.monotonic() + 600)
    bench, calls, counts = Pictures(session, running, vae, SHAPE), [], []
    core, ours = bench.encoders(with_mask)
    vae.first_stage_model.conv1.register_forward_hook(lambda *_: calls.append(1))  # behind the encoder

    def counted():
        before = len(calls)
        result = ours()
        counts.append(len(calls) - before)
        return result

    assert bench.compared("control", core, counted)()["equal"]
    _, *timed = counts  # the first is not timed, and tries the device out as well
    assert timed and set(timed) == {CLIPS}
    counted()
    assert counts[-1] == 1  # the reference alone, were the halves not forgotten
