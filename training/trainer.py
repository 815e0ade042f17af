"""A training run that can be interrupted at any time: every step's chance comes from the seed and its number alone.

A run may have a budget of seconds. Then what goes by the way to the end (the learning rate, the phases) goes by the
steps that there will be: all of them, or as many as the budget leaves at the pace of the last ones.

The average of the weights is moved by PyTorch's own function. `torch.optim.swa_utils.AveragedModel` around it is not
used: it copies the whole module, the frozen base with it, and its first average is the weights after the first step
where this one begins with those before it, so that the recorded training would not come out again.
"""

import json
import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from .muon import Muon
from .networks import precision, save_whole

SEED_STRIDE = 1_000_003
WARM_UP = 100
FINAL_RATE = 0.03  # of the learning rate, at the end of the cosine
CLIP_NORM = 1.0
MUON = 12.0  # times the learning rate: Muon's steps have another length than AdamW's
# Steps that the pace is the median of, and the fewest: the first ones wait for compilers.
PACED, FEWEST_PACED = 32, 8
FUSED = ("cpu", "cuda")  # devices that AdamW has one kernel for in every PyTorch that ComfyUI takes

# The loss of one step, by its number, how many there will be, and its own source of chance, on the CPU.
Loss = Callable[[int, float, torch.Generator], Tensor]
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
        budget: Seconds after which it ends however few steps it took; checks and states count. None: only steps end it.
        save_seconds: Most seconds between two states on disk, beside those at checks; None: only at checks.
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
    budget: float | None = None
    save_seconds: float | None = None
    step: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)  # of its steps
    spent: float = field(default=0.0, init=False)  # in all
    expected: float = field(default=0.0, init=False)  # steps that there will be

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state_file, self.log_file = self.folder / f"{self.name}.state", self.folder / f"{self.name}.jsonl"
        self.optimizers, self.expected = self._optimizers(), self.steps
        self.pace: deque[float] = deque(maxlen=PACED)
        self.average = [weight.detach().clone() for weight in self.trained]
        if self.state_file.exists():
            self._resume()

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        of_muon = set(map(id, self.matrices))
        others = [weight for weight in self.trained if id(weight) not in of_muon]
        fused = True if self.trained[0].device.type in FUSED else None
        adam = torch.optim.AdamW(others, self.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=fused)
        return [adam, Muon(self.matrices, MUON * self.rate)] if self.matrices else [adam]

    def run(self) -> None:
        """Train to the end; the averaged weights are left in the module."""
        losses, saved, self.mark = [], self.spent, time.perf_counter()
        while not self.over:
            losses.append(self._train_step())
            self._count(self._lap())
            if self.step % self.check_every == 0 or self.over:
                losses = self._report(losses)
            elif self.save_seconds is None or self.spent - saved < self.save_seconds:
                continue
            self.save()
            self._lap()
            saved = self.spent
        if losses:  # a state that was written took the rest of the budget
            self._report(losses)
            self.save()
        self._swap_ema()

    def _lap(self) -> float:
        """Seconds since the last call; they are spent."""
        now = time.perf_counter()
        lap, self.mark = now - self.mark, now
        self.spent += lap
        return lap

    @property
    def over(self) -> bool:
        """Whether every step is done, or the budget is spent."""
        return self.step >= self.steps or (self.budget is not None and self.step > 0 and self.spent >= self.budget)

    def _count(self, seconds: float) -> None:
        """Count the time of a step, and how many there will be at this pace."""
        self.seconds += seconds
        self.pace.append(seconds)
        if self.budget is not None and len(self.pace) >= FEWEST_PACED:
            left = max(self.budget - self.spent, 0.0)
            self.expected = min(self.steps, self.step + left / statistics.median(self.pace))

    def _train_step(self) -> Tensor:
        self._set_rates()
        generator = torch.Generator().manual_seed(self.seed * SEED_STRIDE + self.step)
        with self._precision():
            loss = self.loss(self.step, self.expected, generator)
        for weight in self.trained:
            weight.grad = None
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained, CLIP_NORM)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        decay = min(self.ema, (1 + self.step) / (10 + self.step))
        get_ema_multi_avg_fn(decay)(self.average, [weight.detach() for weight in self.trained], self.step)
        return loss.detach()

    def _set_rates(self) -> None:
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = optimizer.defaults["lr"] * rate_at(self.step, self.expected)

    def _report(self, losses: list[Tensor]) -> list[Tensor]:
        """Write down the mean loss and what is measured; an empty list for the losses to come."""
        # only here: a GPU that is asked for the loss of every step waits for the commands of the next
        loss = sum(map(float, losses)) / len(losses)
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
        left = max(self.expected - self.step, 0) * self.seconds / self.step / 60
        told = "  ".join(f"{key} {value:g}" for key, value in line.items())
        self.tell(f"{self.name}: {told}  ({left:.0f} min left)")
        self._lap()
        return []

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
            "spent": self.spent,
            "expected": self.expected,
            "weights": [weight.detach() for weight in self.trained],
            "average": self.average,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        save_whole(state, self.state_file)

    def _resume(self) -> None:
        state = torch.load(self.state_file, weights_only=True, map_location="cpu")
        self.step, self.seconds = state["step"], state["seconds"]
        self.spent, self.expected = state.get("spent", self.seconds), state.get("expected", self.steps)
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


def rate_at(step: int, steps: float) -> float:
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
