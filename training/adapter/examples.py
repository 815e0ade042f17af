"""Clips as examples: VCUs that ask for them, encoded once into files, and drawn in batches."""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...nodes._host.conditioning import encode_vcu
from ...vace_core.errors import VaceInputError
from ..networks import context_as_seen, latent_format
from ..tasks import CLIP_TASKS, choose_task
from ..trainer import Tell
from .base import Base, load_vae
from .clips import cut_clip, list_clips, read_caption, read_clip_file
from .options import Options
from .texts import Texts, encode_captions, load_text_encoder, read_by_vocabulary

EXAMPLES, LIST, TEXTS = "examples", "examples.json", "texts.pt"


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


def prepare_examples(options: Options, base: Base, tell: Tell) -> tuple[list[Example], Texts]:
    """Examples of every clip that can be used, and the texts; those of an earlier run, if it came so far.

    Raises:
        VaceInputError: If no clip is left, or the VAE or the text encoder is no such thing.
    """
    kept = options.state / LIST
    if kept.exists():
        examples = [Example(**row) for row in json.loads(kept.read_text("utf-8"))]
        tell(f"{len(examples)} examples of an earlier run")
        return examples, Texts(**torch.load(options.state / TEXTS, weights_only=True))
    captions, refused = captions_of(options, base)
    texts = _texts(options, base, list(captions.values()))
    vae = load_vae(options.vae)
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


def captions_of(options: Options, base: Base) -> tuple[dict[Path, str], dict[Path, str]]:
    """The caption of each clip, and why others have none; all are empty where captions are not wanted."""
    captions, refused = {}, {}
    for path in list_clips(options.clips):
        try:
            captions[path] = read_caption(path) if options.captions else ""
            if base.vocabulary:
                base.vocabulary.encode(captions[path])
        except ValueError as error:
            captions.pop(path, None)
            told = isinstance(error, VaceInputError)
            refused[path] = str(error) if told else f"has a caption of other words: {error}"
    return captions, refused


def _texts(options: Options, base: Base, captions: Sequence[str]) -> Texts:
    if base.vocabulary:
        return read_by_vocabulary(base.vocabulary, captions)
    with torch.no_grad():
        clip = load_text_encoder(options.text_encoder)
        return encode_captions(clip, captions, base.config["text_dim"])


def _examples_of(vae: object, path: Path, options: Options, text: int) -> list[Example]:
    """Encode a clip's examples, but those that an interrupted run has left."""
    folder = options.state / EXAMPLES
    folder.mkdir(exist_ok=True)
    frames, examples = None, []
    for variant in range(options.variants):
        rng = random.Random(f"{options.seed} {path.name} {variant}")
        name = choose_task(rng, options.length)
        file = folder / f"{path.name}.{variant:03}.{name}.pt"
        if not file.exists():
            frames = read_clip_file(path, options.wanted) if frames is None else frames
            clip = cut_clip(frames, options.wanted, rng)
            _write(encode_example(vae, clip, name, rng), file)
        examples.append(Example(file.name, int(name == "reference"), text))
    return examples


def encode_example(vae: object, frames: Tensor, name: str, rng: random.Random) -> dict[str, Tensor]:
    """A task on a clip as the model sees it.

    Args:
        vae: The host's VAE object.
        frames: Of the clip, [T, H, W, 3] in [0, 1].
        name: One of `CLIP_TASKS`.
        rng: Chance of the task.

    Returns:
        ``clean`` [16, R + t, h, w], what is to come out, references first; ``latents`` [32, R + t, h, w] and ``mask``
        [64, R + t, h, w], uint8 in [0, 255], what the adapter reads.
    """
    with torch.no_grad():
        context = encode_vcu(vae, CLIP_TASKS[name].build(frames, rng))
        video = latent_format().process_in(vae.encode(frames).cpu())
    references, latents, mask = context_as_seen(context)
    return {"clean": torch.cat([references, video[0].half()], dim=1), "latents": latents, "mask": mask}


def _write(tensors: dict[str, Tensor], file: Path) -> None:
    part = file.with_suffix(".part")
    torch.save(tensors, part)
    part.replace(file)


@dataclass(frozen=True, eq=False)
class ExampleSet:
    """Batches of examples.

    Attributes:
        state: Folder of the training.
        examples: All there are.
        texts: Of their captions.
    """

    state: Path
    examples: Sequence[Example]
    texts: Texts

    def draw_batch(self, batch: int, generator: torch.Generator, no_caption: float) -> tuple[Tensor, Tensor, Tensor]:
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
