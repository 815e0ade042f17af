"""What is trained, how long and on how much: the recipes of ``python dev.py train --profile``."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ..networks import LARGE, SMALL, Sizes

# How many crops of how many frames; steps take turns with them. What a VAE has not seen at a length drifts there, by
# several dB after twice as many frames.
Crops = tuple[tuple[int, int], ...]
NO_LIMITS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class VaePlan:
    """How the VAE is trained.

    Attributes:
        steps: Of single frames, of clips, and of clips with the encoder frozen.
        clips: Of the world, each with a half of a VCU of it.
        crop: Height and width of what it sees, in pixels.
        frames: In the first phase.
        videos: In the others.
        check_every: Steps between two checks.
    """

    steps: tuple[int, int, int] = (2200, 2700, 1000)
    clips: int = 1000
    crop: int = 32
    frames: Crops = ((32, 1),)
    videos: Crops = ((8, 9), (4, 17), (2, 33))
    check_every: int = 250


@dataclass(frozen=True)
class Profile:
    """One recipe.

    Attributes:
        name: Of the command line.
        sizes: Of pictures and networks.
        vae: See `VaePlan`.
        batch: Clips of a step of the transformers; four times as many single frames, half as many longer clips.
        base_clips: That the base learns from, and as many pictures of things alone.
        base_steps: Of the base.
        requests: VCUs that the adapter learns from.
        adapter_steps: Of the adapter.
        tuned_requests: New VCUs of its last phase.
        tuned_known: Clips whose VCUs are kept for it.
        tuned_steps: Of its last phase.
        long_clips: Clips of more frames, and VCUs of them.
        check_every: Steps of the transformers between two checks.
        stages: That make its weights, and what else is done by default.
        seconds: Most seconds of each run and of each kind of clips that is drawn and encoded, by its name; those that
            are not there take as long as they take.
        save_seconds: Most seconds between two states on disk; None: states are written at checks.
        workers: Whether clips are drawn by other processes.
        on_gpu: Whether, where there is CUDA, it computes in bfloat16 and blocks are compiled without being asked.
    """

    name: str
    sizes: Sizes = SMALL
    vae: VaePlan = VaePlan()
    batch: int = 12
    base_clips: int = 4000
    base_steps: int = 6200
    requests: int = 3200
    adapter_steps: int = 4200
    tuned_requests: int = 2000
    tuned_known: int = 1200
    tuned_steps: int = 2200
    long_clips: int = 400
    check_every: int = 500
    stages: tuple[str, ...] = ("vae", "base", "adapter", "tuned", "comparison")
    seconds: Mapping[str, float] = field(default_factory=lambda: NO_LIMITS)
    save_seconds: float | None = None
    workers: bool = False
    on_gpu: bool = False

    def limits_of(self, run: str) -> dict[str, float | None]:
        """What ends a run early, and how often its state is written, as `TrainingRun` takes them."""
        return {"budget": self.seconds.get(run), "save_seconds": self.save_seconds}

    def untimed(self) -> "Profile":
        """The same with every step and every clip, however long they take: what a seed settles."""
        return replace(self, seconds=NO_LIMITS)

    def with_batch(self, count: int) -> "Profile":
        """The same with as many clips a step, and one crop a step for the VAE: a trial on a small machine."""
        frames, videos = (tuple((1, length) for _, length in crops) for crops in (self.vae.frames, self.vae.videos))
        return replace(self, batch=count, vae=replace(self.vae, frames=frames, videos=videos))

    def within(self, seconds: float) -> "Profile":
        """The same in as many seconds in all, shared out as they are.

        Raises:
            ValueError: If it has no limits.
        """
        if not self.seconds:
            raise ValueError(f"The profile {self.name} has no limits in seconds. Choose one that has: gpu.")
        part = seconds / sum(self.seconds.values())
        return replace(self, seconds=MappingProxyType({name: part * most for name, most in self.seconds.items()}))


CPU = Profile("cpu")
GPU = Profile(
    "gpu",
    sizes=LARGE,
    vae=VaePlan(
        steps=(4000, 7000, 2500),
        crop=64,
        frames=((96, 1),),
        videos=((16, 9), (8, 17), (4, 33)),
        check_every=500,
    ),
    batch=64,
    base_clips=6000,
    base_steps=12_000,
    requests=5000,
    adapter_steps=6000,
    tuned_requests=2500,
    tuned_known=2000,
    tuned_steps=2500,
    long_clips=500,
    check_every=1500,
    stages=("vae", "base", "adapter", "tuned"),
    # 545 in all: the rest of ten minutes is for starting Python, and for the steps and checks that a budget ends in
    seconds=MappingProxyType(
        {
            "pool": 12,
            "vae_frames": 25,
            "vae_clips": 80,
            "vae_decoder": 28,
            "unseen": 3,
            "targets": 38,
            "pictures": 8,
            "targets_long": 8,
            "base": 165,
            "requests": 36,
            "requests_long": 8,
            "requests_unseen": 4,
            "adapter": 85,
            "requests_tuned": 18,
            "tuned": 27,
        }
    ),
    save_seconds=40,
    workers=True,
    on_gpu=True,
)
PROFILES = {profile.name: profile for profile in (CPU, GPU)}
