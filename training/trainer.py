"""A training run that can be interrupted at any time: every step's chance comes from the seed and its number alone.

The average of the weights is moved by PyTorch's own function. `torch.optim.swa_utils.AveragedModel` around it is not
used: it copies the whole module, the frozen base with it, and its first average is the weights after the first step
where this one begins with those before it, so that the recorded training would not come out again.
"""

import json
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from .muon import Muon
from .networks import precision

SEED_STRIDE = 1_000_003
WARM_UP = 100
FINAL_RATE = 0.03  # of the learning rate, at the end of the cosine
CLIP_NORM = 1.0
MUON = 12.0  # times the learning rate: Muon's steps have another length than AdamW's

# The loss of one step, by its number and its own source of chance.
Loss = Callable[[int, torch.Generator], Tensor]
# Receives what happens, a line or a table each time.
Tell = Callable[[str], None]


@dataclass(eq=False)
class TrainingRun:
    """One stage of the training.

    Attributes:
        name: Of the stage, for messages and files.
        folder: Where its state and its log are kept.
        module: What is trained, with what is frozen.
        trained: Its parameters that are.
        loss: See `Loss`.
        steps: How many.
        rate: The largest learning rate.
        seed: Of everything random.
        ema: Decay of the average of the weights, which is the result.
        check: Measures that go to the log every ``check_every`` steps, with the averaged weights in place.
        check_every: Steps between two checks, and between two states on disk.
        tell: Receives a line of progress for each check.
        half: Whether to compute in bfloat16 where that is safe, faster on processors that have it in hardware; the
            weights stay in float32.
        matrices: Those of ``trained`` that Muon moves; AdamW moves the others.
    """

    name: str
    folder: Path
    module: nn.Module
    trained: list[nn.Parameter]
    loss: Loss
    steps: int
    rate: float
    seed: int = 0
    ema: float = 0.998
    check: Callable[[int], dict[str, float]] | None = None
    check_every: int = 250
    tell: Tell = print
    half: bool = False
    matrices: list[nn.Parameter] = field(default_factory=list)
    step: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state_file, self.log_file = self.folder / f"{self.name}.state", self.folder / f"{self.name}.jsonl"
        self.optimizers = self._optimizers()
        self.average = [weight.detach().clone() for weight in self.trained]
        if self.state_file.exists():
            self._resume()

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        of_muon = set(map(id, self.matrices))
        others = [weight for weight in self.trained if id(weight) not in of_muon]
        adam = torch.optim.AdamW(others, self.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        return [adam, Muon(self.matrices, MUON * self.rate)] if self.matrices else [adam]

    def run(self) -> None:
        """Train to the end; the averaged weights are left in the module."""
        losses = []
        while self.step < self.steps:
            begin = time.perf_counter()
            losses.append(self._train_step())
            self.seconds += time.perf_counter() - begin
            if self.step % self.check_every == 0 or self.step == self.steps:
                self._report(sum(losses) / len(losses))
                losses = []
                self.save()
        self._swap_ema()

    def _train_step(self) -> float:
        self._set_rates()
        generator = torch.Generator().manual_seed(self.seed * SEED_STRIDE + self.step)
        with self._precision():
            loss = self.loss(self.step, generator)
        for weight in self.trained:
            weight.grad = None
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained, CLIP_NORM)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        decay = min(self.ema, (1 + self.step) / (10 + self.step))
        get_ema_multi_avg_fn(decay)(self.average, [weight.detach() for weight in self.trained], self.step)
        return float(loss.detach())

    def _set_rates(self) -> None:
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = optimizer.defaults["lr"] * rate_at(self.step, self.steps)

    def _report(self, loss: float) -> None:
        measures: dict[str, float] = {}
        if self.check:
            self._swap_ema()
            with torch.no_grad(), self._precision():
                measures = self.check(self.step)
            self._swap_ema()
        line = {"step": self.step, "seconds": round(self.seconds), "loss": round(loss, 5)}
        line |= {name: round(value, 5) for name, value in measures.items()}
        with self.log_file.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        left = (self.steps - self.step) * self.seconds / self.step / 60
        told = "  ".join(f"{key} {value:g}" for key, value in line.items())
        self.tell(f"{self.name}: {told}  ({left:.0f} min left)")

    def _precision(self) -> torch.autocast:
        return precision(self.trained[0].device, self.half)

    def _swap_ema(self) -> None:
        for weight, average in zip(self.trained, self.average, strict=True):
            kept = weight.detach().clone()
            weight.data.copy_(average)
            average.copy_(kept)

    def save(self) -> None:
        """Put everything that a later run needs on disk; what was there stays until it is whole."""
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "weights": [weight.detach() for weight in self.trained],
            "average": self.average,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        part = self.state_file.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.state_file)

    def _resume(self) -> None:
        state = torch.load(self.state_file, weights_only=True, map_location="cpu")
        self.step, self.seconds = state["step"], state["seconds"]
        for weight, kept in zip(self.trained, state["weights"], strict=True):
            weight.data.copy_(kept)
        for average, kept in zip(self.average, state["average"], strict=True):
            average.copy_(kept)
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self._trim_log()
        self.tell(f"{self.name}: goes on at step {self.step} of {self.steps}")

    def _trim_log(self) -> None:
        if self.log_file.exists():
            lines = self.log_file.read_text("utf-8").splitlines()
            kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= self.step]
            self.log_file.write_text("".join(f"{line}\n" for line in kept), "utf-8")


def rate_at(step: int, steps: int) -> float:
    """The learning rate as a part of its largest: up in a line, then down in a cosine."""
    rise = min((step + 1) / WARM_UP, 1.0)
    return rise * (FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * step / steps)))


def all_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Every parameter, made trainable."""
    return list(module.requires_grad_(True).parameters())


def chosen_parameters(module: nn.Module, names: Iterable[str]) -> list[nn.Parameter]:
    """Parameters by the beginning of their names, made trainable; all others are frozen."""
    module.requires_grad_(False)
    prefixes = tuple(names)
    found = [weight for name, weight in module.named_parameters() if name.startswith(prefixes)]
    for weight in found:
        weight.requires_grad_(True)
    return found


def matrices_of(module: nn.Module) -> list[nn.Parameter]:
    """The trainable matrices of a transformer's blocks: what Muon is for."""
    named = module.named_parameters()
    return [weight for name, weight in named if "blocks." in name and weight.ndim == 2 and weight.requires_grad]
