"""The recipes: what they promise of sizes and time, and the larger one trained in small."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.host.inprocess import run_node
from wan_vace.miniature.networks import Sizes
from wan_vace.miniature.train.profiles import CPU, GPU, PROFILES, VaePlan

TESTS = Path(__file__).parents[1]
MOST_BYTES = 24_000_000
KINDS = ("unseen", "targets", "pictures", "targets_long", "requests", "requests_long", "requests_unseen")


def parts_of(profile):
    """The tensors of each shipped file, on no device."""
    from wan_vace.miniature.networks import models

    with torch.device("meta"):
        vae, dit = models.new_vae(profile.sizes), models.new_dit(True, profile.sizes)
    named = dit.state_dict()
    adapter = {name: weight for name, weight in named.items() if name.startswith("vace_")}
    base = {name: weight for name, weight in named.items() if name not in adapter}
    return {"vae": vae.state_dict(), "base": base, "adapter": adapter}


def test_the_default_is_what_the_shipped_weights_were_trained_with():
    assert PROFILES["cpu"] == CPU and not CPU.seconds and CPU.save_seconds is None and not CPU.workers
    sizes = CPU.sizes
    assert (sizes.pixels, sizes.vae_dim, sizes.dim, sizes.ffn_dim, sizes.layers) == (64, 8, 128, 512, 10)
    assert sizes.spread_layers() == (0, 2, 4, 6, 8)
    assert CPU.vae == VaePlan((2200, 2700, 1000), 1000, 32, ((32, 1),), ((8, 9), (4, 17), (2, 33)), 250)
    assert (CPU.base_clips, CPU.base_steps, CPU.requests, CPU.adapter_steps) == (4000, 6200, 3200, 4200)
    assert (CPU.tuned_requests, CPU.tuned_known, CPU.tuned_steps, CPU.long_clips) == (2000, 1200, 2200, 400)
    assert (CPU.batch, CPU.check_every) == (12, 500)


@pytest.mark.host
def test_the_larger_one_is_as_large_as_24_mb_hold(host, tmp_path):
    total = 0
    for name, weights in parts_of(GPU).items():
        path = tmp_path / f"{name}.safetensors"
        save_file({key: torch.zeros(weight.shape, dtype=torch.half) for key, weight in weights.items()}, path)
        total += path.stat().st_size
    assert 0.97 * MOST_BYTES < total < MOST_BYTES


@pytest.mark.host
def test_it_has_the_keys_of_the_shipped_files(host):
    from wan_vace.miniature.locations import WEIGHTS
    from wan_vace.miniature.networks import FILES

    for name, weights in parts_of(CPU).items():
        shipped = load_file(WEIGHTS / FILES[name])
        assert {key: weight.shape for key, weight in weights.items()} == {k: w.shape for k, w in shipped.items()}
    small, large = (parts_of(profile) for profile in (CPU, GPU))
    assert set(small["vae"]) == set(large["vae"])
    for name in ("base", "adapter"):
        assert set(large[name]) < set(small[name])  # the same names; fewer blocks, each of them wider


def test_all_limits_leave_time_to_start_within_ten_minutes():
    assert 0.85 * 600 < sum(GPU.seconds.values()) < 0.93 * 600
    tried = GPU.within(30)
    assert sum(tried.seconds.values()) == pytest.approx(30)
    assert tried.seconds["base"] / tried.seconds["vae_clips"] == GPU.seconds["base"] / GPU.seconds["vae_clips"]
    assert replace(tried, seconds=GPU.seconds) == GPU and not GPU.untimed().seconds
    with pytest.raises(ValueError, match="cpu has no limits"):
        CPU.within(30)
    runs = {"vae_frames", "vae_clips", "vae_decoder", "base", "adapter", "tuned"}
    assert set(GPU.seconds) == {*runs, *KINDS, "requests_tuned", "pool"}  # nothing that may take as long as it likes
    assert max(GPU.seconds[kind] for kind in KINDS) < 60 and GPU.save_seconds < 60  # what an interruption loses


# The larger one, whose sizes are those of a trial, and like no other profile's.
TINY = {"pixels": 48, "vae_dim": 4, "dim": 128, "ffn_dim": 64, "layers": 4, "vace_layers": 2}
SCALE, BASE_STEPS = 0.0015, 40
# Trains by the command, with smaller sizes, states more often and less to measure on than it has.
QUICK = f"""
import sys
from dataclasses import replace
from harness.host.locations import pack_module
from harness.miniature.training import run_training
profiles, networks = pack_module("miniature.train.profiles"), pack_module("miniature.networks")
gpu = profiles.PROFILES["gpu"]
profiles.PROFILES["gpu"] = replace(
    gpu,
    sizes=networks.Sizes(**{TINY}),
    vae=replace(gpu.vae, crop=16),
    base_steps={round(BASE_STEPS / SCALE)},
    check_every=4,
)
dit, vae = (pack_module(f"miniature.train.{{name}}_training") for name in ("dit", "vae"))
dit.CHECK_PARTS, vae.HELD, vae.MEASURED = 1, 1, 2
sys.exit(run_training("miniature", sys.argv[1:]))
"""


def start(folder):
    argv = [sys.executable, "-c", QUICK, "--folder", str(folder), "--profile", "gpu", "--batch", "1"]
    argv += ["--seconds", "12", "--scale", str(SCALE), "--workers", "2", "--ship"]
    return subprocess.Popen(
        argv, cwd=TESTS, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture(scope="module")
def trained(host, tmp_path_factory):
    """The larger one after hardly any seconds, killed on the way; its folder, and what the second run said."""
    folder = tmp_path_factory.mktemp("trained")
    own, first = folder / "state_gpu", start(folder / "state")
    end = time.monotonic() + 400
    while not (own / "base.state").exists() and time.monotonic() < end and first.poll() is None:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert (own / "base.state").exists() and not (own / "tuned.pt").exists()
    second = start(folder / "state")
    told, _ = second.communicate(timeout=500)
    assert second.returncode == 0, told
    return own, told


@pytest.mark.long
@pytest.mark.host
def test_a_killed_training_goes_on_from_its_state(trained):
    folder, told = trained
    (step,) = re.findall(rf"base: goes on at step (\d+) of {BASE_STEPS}\n", told)
    assert 0 < int(step) < BASE_STEPS and "vae: done" not in told
    assert not list(folder.glob("*.part"))
    logs = {
        path.stem: [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for path in folder.glob("*.jsonl")
    }
    assert set(logs) == {"vae_frames", "vae_clips", "vae_decoder", "base", "adapter", "tuned"}
    assert all(steps == sorted(set(steps)) for steps in ([line["step"] for line in log] for log in logs.values()))
    record = json.loads((folder / "weights" / "record.json").read_text("utf-8"))
    assert (record["profile"], record["pixels"]) == ("gpu", TINY["pixels"])
    assert "--profile gpu --seconds 12 --batch 1 --scale 0.0015" in record["command"]


@pytest.mark.long
@pytest.mark.host
def test_its_files_are_loaded_by_the_hosts_loaders_and_make_a_film(host, host_nodes, trained):
    from harness.nodes.wan_vace_dev.miniature import load_clip
    from wan_vace.miniature.networks import FILES
    from wan_vace.miniature.quality import command as quality
    from wan_vace.miniature.quality.studio import open_studio

    weights = trained[0] / "weights"
    for name, expected in parts_of(replace(GPU, sizes=Sizes(**TINY))).items():
        found = load_file(weights / FILES[name])
        assert {key: tensor.shape for key, tensor in found.items()} == {k: w.shape for k, w in expected.items()}
        assert all(tensor.dtype == torch.half for tensor in found.values())
    assert sum((weights / file).stat().st_size for file in FILES.values()) < MOST_BYTES
    with torch.inference_mode():
        studio = open_studio(
            lambda node_id, **inputs: run_node(host.NODE_CLASS_MAPPINGS[node_id], inputs), load_clip(), 1, weights
        )
        assert (studio.pixels, studio.profile) == (TINY["pixels"], "gpu")
        attempt = quality.attempt(studio, "inpaint", 0)
        rows = quality.rows_of("inpaint", [attempt], studio.profile)
        assert attempt.film.shape == (17, TINY["pixels"], TINY["pixels"], 3) and attempt.film.isfinite().all()
        assert {row.measure for row in rows} >= {"colour", "outline IoU", "kept, dB", "kept and pasted, dB"}
        assert quality.vae_row(studio, 1).gate.limit == 34
