"""DoRA, merged and attached, against weights that were changed by hand."""

import pytest
import torch
from safetensors.torch import save_file

from .forms import DORA_TOLERANCE, EMBEDDINGS, KERNEL, KOHYA, LAYERS, POINT, RANK, STRENGTH, dora, draw

pytestmark = pytest.mark.host


def test_peft_dora_has_a_scale_for_each_row(check):
    tensors, changes = {}, {}
    for layer, size in LAYERS.items():
        scale = 1 + draw(size[0])
        parts, changes[f"{layer}.weight"] = dora(*size, scale)
        names = ("lora_B.weight", "lora_A.weight")
        tensors |= {f"base_model.model.{layer}.{n}": parts[k] for n, k in zip(names, KOHYA, strict=True)}
        tensors[f"base_model.model.{layer}.lora_magnitude_vector"] = scale
    check("DoRA: a scale for each row (PEFT)", tensors, changes, DORA_TOLERANCE)


def sizes(shape):
    """A shape with n for as many as there are."""
    return str(list(shape)).replace("-1", "n")


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (1, -1, *POINT), (-1, 1, *POINT)], ids=str)
def test_dora_of_a_convolution_has_a_scale_for_each_row(check, shape):
    """PEFT writes ``[1, rows, 1, 1, 1]``, LyCORIS ``[rows, 1, 1, 1, 1]``."""
    tensors, changes = {}, {}
    for layer, channels in EMBEDDINGS.items():
        up, down, scale = draw(128, RANK, *POINT), draw(RANK, channels, *KERNEL), 1 + draw(128)

        def by_hand(w, up=up, down=down, scale=scale):
            changed = w + torch.einsum("opxyz,piabc->oiabc", up, down)
            length = w.flatten(1).norm(dim=1)
            return w + STRENGTH * (torch.einsum("oiabc,o->oiabc", changed, scale / length) - w)

        changes[f"{layer}.weight"] = by_hand
        ends = ("lora_B.weight", "lora_A.weight", "lora_magnitude_vector.weight")
        parts = (up, down, scale.reshape(shape))
        tensors |= {f"base_model.model.{layer}.{e}": part for e, part in zip(ends, parts, strict=True)}
    check(f"DoRA of the patch embeddings: a scale for each row, {sizes(shape)}", tensors, changes, DORA_TOLERANCE)


@pytest.mark.parametrize("shape", [(1, -1), (1, -1, *POINT)], ids=str)
def test_dora_of_a_convolution_has_a_scale_for_each_channel(check, shape):
    """LyCORIS without ``wd_on_output``; here the host takes the lengths of the changed weight."""
    tensors, changes = {}, {}
    for layer, channels in EMBEDDINGS.items():
        up, down, scale = draw(128, RANK, *POINT), draw(RANK, channels, *KERNEL), 3 + draw(channels)

        def by_hand(w, up=up, down=down, scale=scale):
            changed = w + torch.einsum("opxyz,piabc->oiabc", up, down)
            length = changed.transpose(0, 1).flatten(1).norm(dim=1)
            return w + STRENGTH * (torch.einsum("oiabc,i->oiabc", changed, scale / length) - w)

        changes[f"{layer}.weight"] = by_hand
        parts = {"lora_up.weight": up, "lora_down.weight": down, "dora_scale": scale.reshape(shape)}
        tensors |= {f"lycoris_{layer}.{end}": part for end, part in parts.items()}
    check(f"DoRA of the patch embeddings: a scale for each channel, {sizes(shape)}", tensors, changes, DORA_TOLERANCE)


def test_dora_with_a_scale_for_each_place_of_the_kernel_is_refused(call, folder, targets):
    """The host would leave such a layer out and say so in its log alone."""
    up, down, scale = draw(128, RANK, *POINT), draw(RANK, 96, *KERNEL), draw(1, 96 * 4)
    parts = {"lora_up.weight": up, "lora_down.weight": down, "dora_scale": scale}
    save_file({f"lycoris_vace_patch_embedding.{end}": part for end, part in parts.items()}, folder / "x.safetensors")
    for model in targets:
        with pytest.raises(ValueError, match=r"^x\.safetensors cannot be used: the DoRA scale of .* is \[1, 384\]"):
            call("VaceLoadLora", model=model, lora_name="x.safetensors", strength=1.0)
