"""Clips as examples: VCUs that ask for them, encoded once into files, and drawn in batches."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...miniature.networks import models
from ...miniature.world import words
from ...nodes._host.conditioning import encode_vcu
from ...vace_core.errors import VaceInputError
from . import base as networks
from . import clips
from .options import Options

LATENTS = 16
EXAMPLES, LIST, TEXTS = "examples", "examples.json", "texts.pt"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Example:
    """One VCU and the clip it asks for, encoded, in a file.

    Attributes:
        file: Its name in the folder of examples.
        references: R.
        text: Number of its caption among the texts.
    """

    file: str
    references: int
    text: int


def prepare(options: Options, base: networks.Base, tell: Tell) -> tuple[list[Example], networks.Texts]:
    """Examples of every clip that can be used, and the texts; those of an earlier run, if it came so far.

    Raises:
        VaceInputError: If no clip is left, or the VAE or the text encoder is no such thing.
    """
    kept = options.state / LIST
    if kept.exists():
        examples = [Example(**row) for row in json.loads(kept.read_text("utf-8"))]
        tell(f"{len(examples)} examples of an earlier run")
        return examples, networks.Texts(**torch.load(options.state / TEXTS, weights_only=True))
    captions, refused = captions_of(options, base)
    texts = _texts(options, base, list(captions.values()))
    vae = networks.load_vae(options.vae)
    examples: list[Example] = []
    for number, path in enumerate(captions):
        try:
            examples += _examples_of(vae, path, options, number + 1)
        except VaceInputError as error:
            refused[path] = str(error)
            continue
        tell(f"{path.name}: {options.variants} examples ({number + 1} of {len(captions)})")
    if refused:
        lines = "\n".join(f"  {path.name} {reason}" for path, reason in sorted(refused.items()))
        tell(f"{len(refused)} of {len(refused) + len(examples) // options.variants} clips are left out:\n{lines}")
    if not examples:
        raise VaceInputError(f"No clip of {options.clips} can be used. See the reasons above, and change --clips.")
    torch.save(asdict(texts), options.state / TEXTS)
    written = options.state / f"{LIST}.part"
    written.write_text(json.dumps([asdict(example) for example in examples]), "utf-8")
    written.replace(kept)
    return examples, texts


def captions_of(options: Options, base: networks.Base) -> tuple[dict[Path, str], dict[Path, str]]:
    """The caption of each clip, and why others have none; all are empty where captions are not wanted."""
    captions, refused = {}, {}
    for path in clips.listed(options.clips):
        try:
            captions[path] = clips.caption_of(path) if options.captions else ""
            if base.is_miniature:
                words.token_ids(captions[path])
        except (VaceInputError, words.UnknownWordError) as error:
            captions.pop(path, None)
            told = isinstance(error, VaceInputError)
            refused[path] = str(error) if told else f"has a caption of other words: {error}"
    return captions, refused


def _texts(options: Options, base: networks.Base, captions: Sequence[str]) -> networks.Texts:
    if base.is_miniature:
        return networks.encode_words(captions)
    with torch.no_grad():
        clip = networks.load_text_encoder(options.text_encoder)
        return networks.encode_captions(clip, captions, base.config["text_dim"])


def _examples_of(vae: object, path: Path, options: Options, text: int) -> list[Example]:
    """Encode a clip's examples, but those that an interrupted run has left."""
    folder = options.state / EXAMPLES
    folder.mkdir(exist_ok=True)
    frames, examples = None, []
    for variant in range(options.variants):
        rng = random.Random(f"{options.seed} {path.name} {variant}")
        name = clips.random_task(rng, options.length)
        file = folder / f"{path.name}.{variant:03}.{name}.pt"
        if not file.exists():
            frames = clips.read_clip(path, options.wanted) if frames is None else frames
            footage = clips.footage_of(frames, options.wanted, rng)
            _write(encoded(vae, footage, name, rng), file)
        examples.append(Example(file.name, int(name == "reference"), text))
    return examples


def encoded(vae: object, footage: clips.Footage, name: str, rng: random.Random) -> dict[str, Tensor]:
    """A task on a clip as the model sees it.

    Args:
        vae: The host's VAE object.
        footage: The clip.
        name: One of `clips.TASKS`.
        rng: Chance of the task.

    Returns:
        ``clean`` [16, R + t, h, w], what is to come out, references first; ``latents`` [32, R + t, h, w] and ``mask``
        [64, R + t, h, w], uint8 in [0, 255], what the adapter reads.
    """
    wanted = models.latent_format()
    with torch.no_grad():
        context = encode_vcu(vae, clips.TASKS[name][0](footage, rng))
        video = wanted.process_in(vae.encode(footage.frames).cpu())
    halves = [wanted.process_in(half.cpu()) for half in context.latents.split(LATENTS, dim=1)]
    clean = torch.cat([halves[0][:, :, : context.num_references], video], dim=2)
    mask = (context.mask[0].cpu() * 255).round().to(torch.uint8)
    return {"clean": clean[0].half(), "latents": torch.cat(halves, dim=1)[0].half(), "mask": mask}


def _write(tensors: dict[str, Tensor], file: Path) -> None:
    part = file.with_suffix(".part")
    torch.save(tensors, part)
    part.replace(file)


@dataclass(frozen=True, eq=False)
class Lessons:
    """Batches of examples.

    Attributes:
        state: Folder of the training.
        examples: All there are.
        texts: Of their captions.
    """

    state: Path
    examples: Sequence[Example]
    texts: networks.Texts

    def draw(self, batch: int, generator: torch.Generator, no_caption: float) -> tuple[Tensor, Tensor, Tensor]:
        """A batch whose VCUs have as many references each.

        Args:
            batch: B.
            generator: Chance.
            no_caption: How often a caption is left out.

        Returns:
            ``(clean, context, text)``: [B, 16, R + t, h, w], [B, 96, R + t, h, w] and [B, L, D], float32.
        """
        first = self.examples[int(torch.randint(len(self.examples), (1,), generator=generator))]
        alike = [example for example in self.examples if example.references == first.references]
        chosen = [alike[int(row)] for row in torch.randint(len(alike), (batch,), generator=generator)]
        read = [torch.load(self.state / EXAMPLES / example.file, weights_only=True) for example in chosen]
        clean, latents, mask = (torch.stack([one[key] for one in read]).float() for key in ("clean", "latents", "mask"))
        without = torch.rand(batch, generator=generator) < no_caption
        text = self.texts.batch([0 if bare else one.text for bare, one in zip(without, chosen, strict=True)])
        return clean, torch.cat([latents, mask / 255], dim=1), text
