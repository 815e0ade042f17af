"""Puts trained weights in their place, in the real layouts, with a record of how they came about."""

import json
import platform
from pathlib import Path

import torch

from ...training.networks import save_weights
from ..locations import WEIGHTS
from ..networks import CONFIG, FILES, weights_hash
from .profiles import CPU, PROFILES
from .stages import Training


def ship_weights(training: Training, place: Path = WEIGHTS) -> Path:
    """Write the weights in half precision, their record and their log.

    Args:
        training: All of whose stages are done; the comparison may be.
        place: Where to.

    Returns:
        The log.
    """
    base = training.base().state_dict()
    adapter = {k: v for k, v in training.tuned().state_dict().items() if k.startswith("vace_")}
    files = {"vae": (training.vae().state_dict(), None), "base": (base, CONFIG), "adapter": (adapter, None)}
    for name, (weights, metadata) in files.items():
        path = save_weights(weights, place / FILES[name], metadata)
        training.tell(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, {weights_hash(weights)}")
    record = record_of(training) | {"hashes": {name: weights_hash(w) for name, (w, _) in files.items()}}
    (place / "record.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    logs = {path.stem: path.read_text("utf-8").splitlines() for path in sorted(training.folder.glob("*.jsonl"))}
    lines = [json.dumps({"stage": name} | json.loads(line)) for name, log in logs.items() for line in log]
    log = place / "training.jsonl"
    log.write_text("\n".join(lines) + "\n", "utf-8")
    return log


def record_of(training: Training) -> dict[str, object]:
    """How the weights came about: the command, the machine, each stage's hash and time, what the comparison found."""
    record = {
        "command": command_of(training),
        "seed": training.seed,
        "profile": training.profile.name,
        "pixels": training.profile.sizes.pixels,
        "stages": json.loads((training.folder / "stages.json").read_text("utf-8")),
        "machine": f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads",
    }
    if (found := training.folder / "abilities.json").exists():
        record["abilities"] = json.loads(found.read_text("utf-8"))
    return record


def command_of(training: Training) -> str:
    """The command line that gives the same weights, if it has no limits in seconds."""
    how = f"--seed {training.seed} --threads {torch.get_num_threads()}"
    profile = training.profile
    if profile.name != CPU.name:
        how += f" --profile {profile.name}"
        how += f" --seconds {sum(profile.seconds.values()):g}" if profile.seconds else " --untimed"
    how += f" --batch {profile.batch}" * (profile.batch != PROFILES[profile.name].batch)
    how += f" --scale {training.scale}" * (training.scale != 1)
    return f"python dev.py train {how}" + " --compile" * training.compiled + " --bf16" * training.half
