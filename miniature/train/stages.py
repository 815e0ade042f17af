"""The miniature's training, stage by stage.

Every stage goes on where it was interrupted. With one seed, one machine and one number of threads the weights come out
the same, if the profile has no limits in seconds; their hashes are printed and kept beside them.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ...training.networks import copy_into_adapter, latent_format, save_whole, training_device
from ...vace_core.vcu import empty_vcu
from ...vace_core.video import LATENT_CHANNELS
from ..networks import compile_blocks, new_dit, new_vae, weights_hash
from ..world import LENGTH
from . import abilities, data, dit_training, vae_training
from .data import Requests, Targets
from .dit_training import BaseLesson, Lesson
from .drawing import Drawing
from .profiles import CPU, Profile
from .tasks import NUM_PHASES, choose_late_task

STAGES = ("vae", "base", "adapter", "tuned", "comparison")
UNSEEN_CLIPS = 48
PHASES_END = (0.12, 0.4, 0.92)  # the parts of the adapter's steps that the phases end at
LONG = 33  # frames of the clips for the rest of the steps
TUNED_END, TUNED_RATE = 0.92, 1.5e-3
COMPARED_STEPS, COMPARED_REQUESTS = 500, 1000
TESTED = 32  # captions that a model's abilities are measured with
FEWEST = 8  # clips of a trial, so that there are some of every phase


class Training:
    """One training of everything, in a folder.

    Attributes:
        folder: State, encoded clips and logs.
        seed: Of weights, data and noise.
        scale: Of all counts, for a trial.
        compiled: Whether PyTorch compiles the transformers' blocks.
        half: Whether to compute in bfloat16, see `TrainingRun`.
        profile: Sizes, counts and limits.
        workers: Processes that draw clips; 0 draws them in this one.
    """

    def __init__(
        self,
        folder: Path,
        seed: int = 0,
        scale: float = 1.0,
        compiled: bool = False,
        half: bool = False,
        profile: Profile = CPU,
        workers: int = 0,
    ) -> None:
        self.folder, self.seed, self.scale, self.compiled, self.half = folder, seed, scale, compiled, half
        self.profile, self.workers = profile, workers
        self.begin = time.perf_counter()
        folder.mkdir(parents=True, exist_ok=True)

    def tell(self, text: str) -> None:
        """Say something with the minutes since the start."""
        print(f"[{(time.perf_counter() - self.begin) / 60:5.1f} min] {text}", flush=True)

    def steps(self, count: int) -> int:
        """Steps of a stage, fewer in a trial."""
        return max(round(count * self.scale), 2)

    def clips(self, count: int) -> int:
        """Clips, fewer in a trial."""
        return max(round(count * self.scale), FEWEST)

    def vae(self) -> nn.Module:
        """The VAE, trained or from an earlier run."""
        plan = self.profile.vae
        plan = replace(plan, steps=tuple(map(self.steps, plan.steps)), clips=self.clips(plan.clips))
        common = self.folder, self.seed, replace(self.profile, vae=plan), self.tell, self.half, self.drawing("pool")
        return self._module("vae", lambda: new_vae(self.profile.sizes), lambda: vae_training.train_vae(*common))

    def drawing(self, name: str) -> Drawing:
        """How one kind of clips is drawn."""
        return Drawing(self.profile.sizes.pixels, self.workers, self.profile.seconds.get(name), FEWEST)

    def new_dit(self, with_adapter: bool = False) -> nn.Module:
        """A fresh transformer of the profile's sizes."""
        return new_dit(with_adapter, self.profile.sizes)

    def base(self) -> nn.Module:
        """The text-to-video model, likewise."""
        return self._module("base", self.new_dit, self._train_base)

    def adapter(self) -> nn.Module:
        """The VACE model: the base with its adapter, likewise."""
        return self._module("adapter", lambda: self.new_dit(True), self._train_adapter)

    def tuned(self) -> nn.Module:
        """The VACE model after a last phase of new requests, most of them of what is learnt slowest, likewise."""
        return self._module("tuned", lambda: self.new_dit(True), self._train_tuned)

    def _module(self, name: str, new: Callable[[], nn.Module], train: Callable[[], nn.Module]) -> nn.Module:
        path = self.folder / f"{name}.pt"
        if not path.exists():
            begin = time.perf_counter()
            module = train()
            save_whole(module.state_dict(), path)
            self._note(name, module, (time.perf_counter() - begin) / 60)
            return module.requires_grad_(False)
        module = new()
        module.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
        return module.to(training_device()).requires_grad_(False)

    def _note(self, name: str, module: nn.Module, minutes: float) -> None:
        digest = weights_hash(module.state_dict())
        self.tell(f"{name}: done, weights {digest}")
        path = self.folder / "stages.json"
        noted = json.loads(path.read_text("utf-8")) if path.exists() else {}
        noted[name] = {"hash": digest, "minutes_of_last_run": round(minutes, 1)}
        part = path.with_suffix(".part")
        part.write_text(json.dumps(noted, indent=1), "utf-8")
        part.replace(path)

    def targets(self) -> Targets:
        """The clips, encoded."""
        return self._encoded("targets", 0, self.profile.base_clips)

    def pictures(self) -> Targets:
        """Things alone on white, encoded."""
        seeds = range(self.clips(self.profile.base_clips))
        drawing = self.drawing("pictures")
        return self._kept("pictures", lambda: data.encode_pictures(self.vae(), seeds, self.half, drawing))

    def long_targets(self) -> Targets:
        """Longer clips, encoded."""
        return self._encoded("targets_long", 0, self.profile.long_clips, LONG)

    def unseen(self) -> Targets:
        """Clips that no stage trains on."""
        return self._encoded("unseen", vae_training.UNSEEN, UNSEEN_CLIPS)

    def _encoded(self, name: str, first: int, count: int, length: int = LENGTH) -> Targets:
        def make() -> Targets:
            self.tell(f"encoding {count} clips ({name})")
            seeds = range(first, first + self.clips(count))
            return data.encode_targets(self.vae(), seeds, length, self.half, self.drawing(name))

        return self._kept(name, make)

    def _kept(self, name: str, make: Callable[[], Targets]) -> Targets:
        found = Targets(**data.cached_tensors(self.folder / f"{name}.encoded", lambda: [vars(make())])[0])
        return found.near(training_device())

    def requests(self, name: str, first: int, count: int, decouple: bool = True, **how: object) -> list[Requests]:
        """VCUs of some clips, encoded."""

        def make() -> list[dict[str, Tensor]]:
            self.tell(f"encoding {count} VCUs ({name})")
            seeds = range(first, first + self.clips(count))
            drawing = self.drawing(name)
            found = data.encode_requests(self.vae(), seeds, decouple, half=self.half, drawing=drawing, **how)
            return [vars(group) for group in found]

        found = data.cached_tensors(self.folder / f"{name}.encoded", make)
        return [Requests(**group).near(training_device()) for group in found]

    def lesson(self, targets: Targets, requests: list[Requests], until: float = 1.0) -> Lesson:
        """Of those requests whose clips are there: limits in seconds may have ended at fewer clips than requests."""
        known = [group.of_clips(targets.count) for group in requests]
        return Lesson(targets, [group for group in known if len(group.clip)], until, self.profile.batch)

    def _train_base(self) -> nn.Module:
        torch.manual_seed(self.seed)
        model, steps = self.new_dit().to(training_device()), self.steps(self.profile.base_steps)
        footage = self.targets(), self.long_targets(), self.pictures()
        seen, unseen = BaseLesson(*footage, self.profile.batch), self.unseen()
        self._prepare(model)
        common = self.folder, model, seen, unseen, steps, self.seed, self.tell, self.half, self.profile
        dit_training.new_base_run(*common).run()
        return model

    def _prepare(self, model: nn.Module) -> None:
        if self.compiled:
            compile_blocks(model)

    def begun(self, layers: tuple[int, ...]) -> nn.Module:
        """The base with a fresh adapter."""
        torch.manual_seed(self.seed + 1)
        model = self.new_dit(True)
        model.load_state_dict(self.base().state_dict(), strict=False)
        copy_into_adapter(model, layers)
        model.to(training_device())
        self._prepare(model)
        return model

    def lessons(self) -> list[Lesson]:
        """One for each phase, and one of longer clips."""
        found, targets = self.requests("requests", 0, self.profile.requests), self.targets()
        phases = ([group.of_phase(phase) for group in found] for phase in range(NUM_PHASES))
        lessons = [self.lesson(targets, groups, until) for groups, until in zip(phases, PHASES_END, strict=True)]
        return [*lessons, self._long_lesson()]

    def _long_lesson(self) -> Lesson:
        return self.lesson(self.long_targets(), self.requests("requests_long", 0, self.profile.long_clips, length=LONG))

    def _train_adapter(self) -> nn.Module:
        model = self.begun(self.profile.sizes.spread_layers())
        lessons, unseen = self.lessons(), self._unseen_lesson()
        common = self.folder, model, lessons, unseen, self.unseen(), self.steps(self.profile.adapter_steps), self.seed
        dit_training.new_adapter_run("adapter", *common, self.tell, half=self.half, profile=self.profile).run()
        return model

    def _train_tuned(self) -> nn.Module:
        model = self.new_dit(True).to(training_device())
        model.load_state_dict(self.adapter().state_dict())
        self._prepare(model)
        plan = self.profile
        new = self.requests("requests_tuned", 0, plan.tuned_requests, choose=choose_late_task)
        known = [g.of_clips(self.clips(plan.tuned_known)) for g in self.requests("requests", 0, plan.requests)]
        lessons = [self.lesson(self.targets(), [*new, *known], TUNED_END), self._long_lesson()]
        common = self.folder, model, lessons, self._unseen_lesson(), self.unseen(), self.steps(plan.tuned_steps)
        how = {"half": self.half, "rate": TUNED_RATE, "profile": plan}
        # another seed: the steps' chance is not that of the phases before
        dit_training.new_adapter_run("tuned", *common, self.seed + 1, self.tell, **how).run()
        return model

    def _unseen_lesson(self, decouple: bool = True) -> Lesson:
        name = "requests_unseen" if decouple else "requests_unseen_together"
        return self.lesson(self.unseen(), self.requests(name, vae_training.UNSEEN, UNSEEN_CLIPS, decouple))

    def comparison(self) -> None:
        """Short runs that differ in one thing each, for the claims of the announcement."""
        sizes = self.profile.sizes
        few = [g.of_clips(COMPARED_REQUESTS) for g in self.requests("requests", 0, self.profile.requests)]
        apart = [self.lesson(self.targets(), few)]
        together = [self.lesson(self.targets(), self.requests("requests_together", 0, COMPARED_REQUESTS, False))]
        spread = sizes.spread_layers()
        variants = {
            "adapter_short": (spread, apart, True, False),
            "global": (spread, apart, True, True),
            "consecutive": (tuple(range(sizes.vace_layers)), apart, True, False),
            "together": (spread, together, False, False),
        }
        tested = self.steps(TESTED)
        found = {"base": abilities.measure_abilities(self.base(), self.vae(), tested, pixels=sizes.pixels)}
        for name, (layers, lessons, decouple, whole) in variants.items():
            model = self._compare(name, layers, lessons, decouple, whole)
            for strength, what in ((0.0, "off"), (1.0, "on")):
                context = self._empty_context()
                found[f"{name}, context {what}"] = abilities.measure_abilities(
                    model, self.vae(), tested, context, strength, sizes.pixels
                )
                self.tell(f"{name}, context {what}: {found[f'{name}, context {what}']}")
        (self.folder / "abilities.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")

    def _empty_context(self) -> Tensor:
        empty = latent_format().process_out(torch.zeros(1, LATENT_CHANNELS, 1, 1, 1))
        pixels = self.profile.sizes.pixels
        (context,) = data.contexts_of(self.vae(), [empty_vcu(LENGTH, pixels, pixels)], empty)
        halves = [latent_format().process_in(half) for half in context.latents.split(LATENT_CHANNELS, dim=1)]
        return torch.cat([*halves, context.mask], dim=1)

    def _compare(
        self, name: str, layers: tuple[int, ...], lessons: list[Lesson], decouple: bool, whole: bool
    ) -> nn.Module:
        def train() -> nn.Module:
            model, steps = self.begun(layers), self.steps(COMPARED_STEPS)
            common = self.folder, model, lessons, self._unseen_lesson(decouple), self.unseen(), steps, self.seed
            how = {"half": self.half, "whole": whole, "check_every": 100, "profile": self.profile}
            dit_training.new_adapter_run(name, *common, self.tell, **how).run()
            return model

        model = self._module(name, lambda: self.new_dit(True), train)
        model.vace_layers_mapping = {layer: n for n, layer in enumerate(layers)}
        return model
