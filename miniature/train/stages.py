"""The miniature's training, stage by stage.

Every stage goes on where it was interrupted. With one seed, one machine and one number of threads the weights come out
the same; their hashes are printed and kept beside them.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ...training.networks import copy_into_adapter, latent_format, training_device
from ...vace_core.vcu import empty_vcu
from ...vace_core.video import LATENT_CHANNELS
from ..networks import VACE_LAYERS, compile_blocks, new_dit, new_vae, spread_layers, weights_hash
from ..world import LENGTH, SIZE
from . import abilities, data, dit_training, vae_training
from .data import Requests, Targets
from .dit_training import BaseLesson, Lesson
from .tasks import NUM_PHASES, choose_late_task

STAGES = ("vae", "base", "adapter", "tuned", "comparison")
VAE_STEPS = (2200, 2700, 1000)
BASE_CLIPS, UNSEEN_CLIPS = 4000, 48
BASE_STEPS, ADAPTER_STEPS = 6200, 4200
REQUESTS, PHASES_END = 3200, (0.12, 0.4, 0.92)  # the parts of the steps that the phases end at
LONG_CLIPS, LONG = 400, 33  # for the rest of the steps: clips of more frames
TUNED_STEPS, TUNED_REQUESTS, TUNED_KNOWN, TUNED_END, TUNED_RATE = 2200, 2000, 1200, 0.92, 1.5e-3
COMPARED_STEPS, COMPARED_REQUESTS = 500, 1000
TESTED = 32  # captions that a model's abilities are measured with
FEWEST = 8  # clips of a trial, so that there are some of every phase
CONSECUTIVE = tuple(range(VACE_LAYERS))


class Training:
    """One training of everything, in a folder.

    Attributes:
        folder: State, encoded clips and logs.
        seed: Of weights, data and noise.
        scale: Of all counts, for a trial.
        compiled: Whether PyTorch compiles the transformers' blocks.
        half: Whether to compute in bfloat16, see `TrainingRun`.
    """

    def __init__(
        self, folder: Path, seed: int = 0, scale: float = 1.0, compiled: bool = False, half: bool = False
    ) -> None:
        self.folder, self.seed, self.scale, self.compiled, self.half = folder, seed, scale, compiled, half
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
        steps = tuple(map(self.steps, VAE_STEPS))
        common = self.folder, self.seed, steps, self.tell, self.clips(vae_training.POOL), self.half
        return self._module("vae", new_vae, lambda: vae_training.train_vae(*common))

    def base(self) -> nn.Module:
        """The text-to-video model, likewise."""
        return self._module("base", new_dit, self._train_base)

    def adapter(self) -> nn.Module:
        """The VACE model: the base with its adapter, likewise."""
        return self._module("adapter", lambda: new_dit(True), self._train_adapter)

    def tuned(self) -> nn.Module:
        """The VACE model after a last phase of new requests, most of them of what is learnt slowest, likewise."""
        return self._module("tuned", lambda: new_dit(True), self._train_tuned)

    def _module(self, name: str, new: Callable[[], nn.Module], train: Callable[[], nn.Module]) -> nn.Module:
        path = self.folder / f"{name}.pt"
        if not path.exists():
            begin = time.perf_counter()
            module = train()
            torch.save(module.state_dict(), path)
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
        path.write_text(json.dumps(noted, indent=1), "utf-8")

    def targets(self) -> Targets:
        """The clips, encoded."""
        return self._encoded("targets", 0, BASE_CLIPS)

    def pictures(self) -> Targets:
        """Things alone on white, encoded."""
        return self._kept(
            "pictures", lambda: data.encode_pictures(self.vae(), range(self.clips(BASE_CLIPS)), self.half)
        )

    def long_targets(self) -> Targets:
        """Longer clips, encoded."""
        return self._encoded("targets_long", 0, LONG_CLIPS, LONG)

    def unseen(self) -> Targets:
        """Clips that no stage trains on."""
        return self._encoded("unseen", vae_training.UNSEEN, UNSEEN_CLIPS)

    def _encoded(self, name: str, first: int, count: int, length: int = LENGTH) -> Targets:
        def make() -> Targets:
            self.tell(f"encoding {count} clips ({name})")
            return data.encode_targets(self.vae(), range(first, first + self.clips(count)), length, self.half)

        return self._kept(name, make)

    def _kept(self, name: str, make: Callable[[], Targets]) -> Targets:
        return Targets(**data.cached_tensors(self.folder / f"{name}.encoded", lambda: [vars(make())])[0])

    def requests(self, name: str, first: int, count: int, decouple: bool = True, **how: object) -> list[Requests]:
        """VCUs of some clips, encoded."""

        def make() -> list[dict[str, Tensor]]:
            self.tell(f"encoding {count} VCUs ({name})")
            seeds = range(first, first + self.clips(count))
            found = data.encode_requests(self.vae(), seeds, decouple, half=self.half, **how)
            return [vars(group) for group in found]

        return [Requests(**group) for group in data.cached_tensors(self.folder / f"{name}.encoded", make)]

    def _train_base(self) -> nn.Module:
        torch.manual_seed(self.seed)
        model, steps = new_dit().to(training_device()), self.steps(BASE_STEPS)
        seen, unseen = BaseLesson(self.targets(), self.long_targets(), self.pictures()), self.unseen()
        self._prepare(model)
        dit_training.new_base_run(self.folder, model, seen, unseen, steps, self.seed, self.tell, self.half).run()
        return model

    def _prepare(self, model: nn.Module) -> None:
        if self.compiled:
            compile_blocks(model)

    def begun(self, layers: tuple[int, ...]) -> nn.Module:
        """The base with a fresh adapter."""
        torch.manual_seed(self.seed + 1)
        model = new_dit(True)
        model.load_state_dict(self.base().state_dict(), strict=False)
        copy_into_adapter(model, layers)
        model.to(training_device())
        self._prepare(model)
        return model

    def lessons(self) -> list[Lesson]:
        """One for each phase, and one of longer clips."""
        found = self.requests("requests", 0, REQUESTS)
        phases = ([group.of_phase(phase) for group in found] for phase in range(NUM_PHASES))
        lessons = [
            Lesson(self.targets(), [group for group in groups if len(group.clip)], until)
            for groups, until in zip(phases, PHASES_END, strict=True)
        ]
        return [*lessons, self._long_lesson()]

    def _long_lesson(self) -> Lesson:
        return Lesson(self.long_targets(), self.requests("requests_long", 0, LONG_CLIPS, length=LONG))

    def _train_adapter(self) -> nn.Module:
        model = self.begun(spread_layers())
        lessons, unseen = self.lessons(), self._unseen_lesson()
        steps = self.steps(ADAPTER_STEPS)
        run = dit_training.new_adapter_run(
            "adapter", self.folder, model, lessons, unseen, self.unseen(), steps, self.seed, self.tell, half=self.half
        )
        run.run()
        return model

    def _train_tuned(self) -> nn.Module:
        model = new_dit(True).to(training_device())
        model.load_state_dict(self.adapter().state_dict())
        self._prepare(model)
        new = self.requests("requests_tuned", 0, TUNED_REQUESTS, choose=choose_late_task)
        known = [group.of_clips(self.clips(TUNED_KNOWN)) for group in self.requests("requests", 0, REQUESTS)]
        lessons = [Lesson(self.targets(), [*new, *known], TUNED_END), self._long_lesson()]
        common = self.folder, model, lessons, self._unseen_lesson(), self.unseen(), self.steps(TUNED_STEPS)
        # another seed: the steps' chance is not that of the phases before
        run = dit_training.new_adapter_run("tuned", *common, self.seed + 1, self.tell, half=self.half, rate=TUNED_RATE)
        run.run()
        return model

    def _unseen_lesson(self, decouple: bool = True) -> Lesson:
        name = "requests_unseen" if decouple else "requests_unseen_together"
        return Lesson(self.unseen(), self.requests(name, vae_training.UNSEEN, UNSEEN_CLIPS, decouple))

    def comparison(self) -> None:
        """Short runs that differ in one thing each, for the claims of the announcement."""
        few = [group.of_clips(COMPARED_REQUESTS) for group in self.requests("requests", 0, REQUESTS)]
        apart = [Lesson(self.targets(), few)]
        together = [Lesson(self.targets(), self.requests("requests_together", 0, COMPARED_REQUESTS, False))]
        spread = spread_layers()
        variants = {
            "adapter_short": (spread, apart, True, False),
            "global": (spread, apart, True, True),
            "consecutive": (CONSECUTIVE, apart, True, False),
            "together": (spread, together, False, False),
        }
        tested = self.steps(TESTED)
        found = {"base": abilities.measure_abilities(self.base(), self.vae(), tested)}
        for name, (layers, lessons, decouple, whole) in variants.items():
            model = self._compare(name, layers, lessons, decouple, whole)
            for strength, what in ((0.0, "off"), (1.0, "on")):
                context = self._empty_context()
                found[f"{name}, context {what}"] = abilities.measure_abilities(
                    model, self.vae(), tested, context, strength
                )
                self.tell(f"{name}, context {what}: {found[f'{name}, context {what}']}")
        (self.folder / "abilities.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")

    def _empty_context(self) -> Tensor:
        empty = latent_format().process_out(torch.zeros(1, LATENT_CHANNELS, 1, 1, 1))
        (context,) = data.contexts_of(self.vae(), [empty_vcu(LENGTH, SIZE, SIZE)], empty)
        halves = [latent_format().process_in(half) for half in context.latents.split(LATENT_CHANNELS, dim=1)]
        return torch.cat([*halves, context.mask], dim=1)

    def _compare(
        self, name: str, layers: tuple[int, ...], lessons: list[Lesson], decouple: bool, whole: bool
    ) -> nn.Module:
        def train() -> nn.Module:
            model, steps = self.begun(layers), self.steps(COMPARED_STEPS)
            common = self.folder, model, lessons, self._unseen_lesson(decouple), self.unseen(), steps, self.seed
            dit_training.new_adapter_run(name, *common, self.tell, half=self.half, whole=whole, check_every=100).run()
            return model

        model = self._module(name, lambda: new_dit(True), train)
        model.vace_layers_mapping = {layer: n for n, layer in enumerate(layers)}
        return model
