"""What can be said of a VCU before any model is loaded: numbers, and what looks wrong."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..masks import LARGE_REGION, WHOLE_REGION, large_region_sentence
from ..notes import Note, collect_notes, sentences
from ..video import MID_GREY, latent_length, num_tokens, padded_length
from .cost import ARCHITECTURES, adapter_flops, base_flops, context_bytes
from .references import note_many_references
from .timeline import UNSEEN, unseen_keyframes, unseen_sentence
from .trained_range import lasting_notes, note_area, note_length
from .unit import EXTENSION, REPAINT, Vcu

# A reference whose aspect differs by less than this may be read as the first frame.
FRAME_LIKE = 0.05
SOME = 64  # frames looked at together, for a long mask is large


@dataclass(frozen=True)
class Preflight:
    """Numbers and warnings of a VCU.

    Attributes:
        numbers: Lines of text: frames, size, tokens, memory, cost of a step.
        warnings: Sentences, each about something that may not be meant.
        notes: What was repaired or decided on the way to this VCU.
    """

    numbers: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[Note, ...]

    def text(self) -> str:
        """All of it, a line each."""
        return "\n".join([*self.numbers, *(f"Warning: {w}" for w in self.warnings), *sentences(self.notes)])


def preflight(vcu: Vcu) -> Preflight:
    """Everything worth knowing before sampling.

    Args:
        vcu: The unit to look at.
    """
    return Preflight(tuple(_numbers(vcu)), tuple(_warnings(vcu)), tuple(lasting_notes(vcu)))


def generated_share(mask: Tensor) -> Tensor:
    """How much of each frame is generated, [T] in [0, 1]."""
    return torch.cat([(some > MID_GREY).float().mean((1, 2)) for some in mask.split(SOME)])


def _numbers(vcu: Vcu) -> list[str]:
    padded = padded_length(vcu.num_frames)
    references = len(vcu.references)
    latent_frames = latent_length(padded) + references
    tokens = num_tokens(latent_frames, vcu.height, vcu.width)
    lines = [
        f"{vcu.width} x {vcu.height}, {vcu.num_frames} frames out, {padded} generated, {vcu.kind} VCU",
        f"{latent_frames} latent frames ({references} of them references), {tokens:,} tokens, "
        f"context {context_bytes(latent_frames, vcu.height, vcu.width) / 2**20:.0f} MiB",
    ]
    for name, model in ARCHITECTURES.items():
        base, adapter = base_flops(tokens, model), adapter_flops(tokens, model)
        lines.append(
            f"{name}: {(base + adapter) / 1e12:,.0f} TFLOP for each step and prompt, "
            f"of which VACE adds {adapter / base:.0%} to the base"
        )
    return lines


def _warnings(vcu: Vcu) -> list[str]:
    return [*_mask_warnings(vcu), *_reference_warnings(vcu), *_range_warnings(vcu)]


def _mask_warnings(vcu: Vcu) -> list[str]:
    share = generated_share(vcu.mask)
    warnings = []
    if not share.any():
        warnings.append("Nothing is generated: the mask is black everywhere. White is generated.")
    elif vcu.kind == REPAINT:
        sentence = large_region_sentence(share.mean().item())
        told = any(note.code in (LARGE_REGION, WHOLE_REGION) for note in vcu.notes)
        warnings += [sentence] if sentence and not told else []
    unseen = unseen_keyframes(vcu.mask) if vcu.kind == EXTENSION else []
    if unseen and not any(note.code == UNSEEN and note.frames == tuple(unseen) for note in vcu.notes):
        warnings.append(f"{unseen_sentence(unseen)} VACE Place Keyframes has snap and hold for that.")
    return warnings


def _reference_warnings(vcu: Vcu) -> list[str]:
    aspect = vcu.width / vcu.height
    return [
        f"Reference {number} has the shape of the frame and no white around it, so the model may take it for the "
        f"first frame. Cut the subject out with VACE Prepare Reference, or lower its strength."
        for number, reference in enumerate(vcu.references)
        if abs(reference.image.shape[1] / reference.image.shape[0] / aspect - 1) < FRAME_LIKE
        and not _has_white_border(reference.image)
    ]


def _has_white_border(image: Tensor) -> bool:
    border = torch.cat([image[[0, -1]].flatten(), image[:, [0, -1]].flatten()])
    return bool((border > 0.9).float().mean() > 0.95)


def _range_warnings(vcu: Vcu) -> list[str]:
    """What leaves the trained range, for each model, unless the VCU was told of it already."""
    with collect_notes() as notes:
        note_length(vcu.num_frames)
        note_area(vcu.height, vcu.width, ARCHITECTURES)
        note_many_references(len(vcu.references))
    told = {note.code for note in lasting_notes(vcu)}
    return sentences(note for note in notes if note.code not in told)
