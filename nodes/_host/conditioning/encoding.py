"""From a VCU to its context with the host's VAE, and which VAE that was."""

from dataclasses import replace

import torch
from torch import Tensor

from ....vace_core.conditioning import VaceContext, channel_mask, context_of, split_halves
from ....vace_core.errors import VaceInputError
from ....vace_core.vcu import Vcu, lasting_notes, letterbox
from ..types import VAE
from .streaming import encode_halves
from .vae import encode

# Of the largest weight. A VAE in bfloat16 differs from its own float32 by 0.4 %, one trained anew by far more.
TOLERANCE = 0.02


def encode_vcu(
    vae: VAE,
    vcu: Vcu,
    mask_edges: str = "official",
    antialias_references: bool = False,
    snap_grey: bool = False,
    disk_cache: int = 0,
) -> VaceContext:
    """Everything the context adapter reads of a VCU, encoded.

    Args:
        vae: The Wan 2.1 VAE.
        vcu: The unit to encode.
        mask_edges: What a grey mask pixel means, one of `MASK_EDGES`.
        antialias_references: Smooth references while shrinking them; the official code does not.
        snap_grey: Take generated pixels of 127 or 128 of 255 as mid-grey, see `split_halves`.
        disk_cache: MiB of the host's temp folder for encoded clips; 0 for none.
    """
    pictures = [letterbox(r.image, vcu.height, vcu.width, antialias_references) for r in vcu.references]
    references = [encode(vae, picture[None]) for picture in pictures]
    halves = split_halves(vcu, mask_edges, snap_grey)
    latents = encode_halves(vae, halves, references, disk_cache)
    context = context_of(latents, channel_mask(vcu, mask_edges), len(references), vcu.num_frames)
    strengths = tuple(reference.strength for reference in vcu.references)
    told = tuple(dict.fromkeys(note.code for note in lasting_notes(vcu)))
    about = {"reference_strengths": strengths, "fps": vcu.fps, "audio": vcu.audio, "told": told}
    return replace(context, **about, latent_space=latent_space(vae))


def latent_space(vae: VAE) -> Tensor | None:
    """What tells one VAE's latents from another's: the weights of the encoder's last layer, 1024 numbers.

    Decoders that were trained for the same latents, and other precisions of the same file, are not told apart.

    Returns:
        [32, 32], float32, on the CPU; None if the VAE has no such weights in reach.
    """
    weight = getattr(getattr(vae.first_stage_model, "conv1", None), "weight", None)
    if weight is None or weight.device.type == "meta":
        return None
    return weight.detach().flatten(1).to("cpu", torch.float32)


def require_same_latents(vae: VAE, encoded_by: Tensor | None) -> None:
    """Refuse to decode with another VAE than the one that encoded.

    Args:
        vae: The VAE to decode with.
        encoded_by: The encoder's `latent_space`; None when that is not known.

    Raises:
        VaceInputError: If the latents of the two differ.
    """
    decoder = latent_space(vae)
    if encoded_by is None or decoder is None:
        return
    if decoder.shape == encoded_by.shape:
        difference = (decoder - encoded_by).abs().max() / encoded_by.abs().max()
        if difference <= TOLERANCE:
            return
    raise VaceInputError(
        "vae is not the one that encoded the VCU: its latents mean something else, so the video would be noise or "
        "miscoloured. Connect the VAE of VACE Encode VCU here too."
    )
