"""Captions as a base reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import comfy.sd
import torch
from torch import Tensor

from ...vace_core.errors import VaceInputError
from ..vocabulary import Vocabulary
from .base import open_weights


@dataclass(frozen=True, eq=False)
class Texts:
    """Captions as the base reads them, each without its empty end.

    Attributes:
        rows: Each [l, D], half precision; the first is of the empty caption.
        length: L, tokens that each is filled up to with zeros.
    """

    rows: list[Tensor]
    length: int

    def batch(self, indices: Sequence[int]) -> Tensor:
        """[B, L, D], float32."""
        text = torch.zeros(len(indices), self.length, self.rows[0].shape[1])
        for row, index in zip(text, indices, strict=True):
            row[: len(self.rows[index])] = self.rows[index]
        return text


def texts_of(encoded: Sequence[Tensor]) -> Texts:
    """Of captions [1, L, D] with one length."""
    rows = []
    for text in encoded:
        used = text[0].abs().sum(1).nonzero()
        rows.append(text[0, : int(used[-1]) + 1 if len(used) else 1].to("cpu", torch.float16))
    return Texts(rows, max(text.shape[1] for text in encoded))


def encode_captions(clip: object, captions: Sequence[str], text_dim: int) -> Texts:
    """Captions by a text encoder, the empty one first.

    Args:
        clip: The host's text encoder object.
        captions: Of the clips.
        text_dim: Width that the base reads.

    Raises:
        VaceInputError: If the encoder's width is another.
    """
    encoded: dict[str, Tensor] = {}
    for caption in ("", *captions):
        if caption not in encoded:
            encoded[caption] = clip.encode_from_tokens_scheduled(clip.tokenize(caption))[0][0].cpu().float()
        if encoded[""].shape[2] != text_dim:
            raise VaceInputError(
                f"The text encoder gives {encoded[''].shape[2]} numbers for a token, the base reads {text_dim}. "
                f"Choose the base's own: umt5_xxl for Wan."
            )
    return texts_of([encoded[caption] for caption in ("", *captions)])


def read_by_vocabulary(vocabulary: Vocabulary, captions: Sequence[str]) -> Texts:
    """Captions without a text encoder, the empty one first."""
    return texts_of([vocabulary.encode(caption) for caption in ("", *captions)])


def load_text_encoder(path: Path) -> object:
    """The host's text encoder object for Wan.

    Raises:
        VaceInputError: If the file is none.
    """
    file = open_weights(path, "The text encoder")
    if not any("block.0.layer.0.SelfAttention" in key for key in file.keys):
        raise VaceInputError(f"The text encoder {path.name} is no T5. Choose umt5_xxl_fp16.safetensors or its fp8.")
    return comfy.sd.load_clip([str(path)], clip_type=comfy.sd.CLIPType.WAN)
