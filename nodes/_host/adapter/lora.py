"""LoRAs on a model and its VACE blocks at once, or as hooks of a prompt; the host does not know most of their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import comfy.hooks
import comfy.lora
import folder_paths
from torch import Tensor, nn

from ....vace_core.adapter import (
    LoraNames,
    dora_scale_shape,
    host_name,
    lora_names,
    require_fit,
    require_whole_layers,
    without_cores,
)
from ....vace_core.errors import VaceInputError
from ....vace_core.files import shown
from ....vace_core.notes import tell
from ..files import open_pickle, path_state
from ..models import ADAPTER_KEY, is_merged
from ..types import HookGroup, ModelPatcher
from .files import OPENERS

FOLDER = "loras"
ALL_ADAPTERS = 0


def lora_files() -> list[str]:
    """Names of LoRA files."""
    return folder_paths.get_filename_list(FOLDER)


def lora_state(name: str | None) -> str:
    """A text that changes when the file does, so that the next prompt reads it anew."""
    path = name and folder_paths.get_full_path(FOLDER, name)
    return path_state(Path(path)) if path else ""


def with_lora(model: ModelPatcher, name: str, strength: float, number: int = ALL_ADAPTERS) -> ModelPatcher:
    """A clone of a model with a LoRA, as the host's loaders put one on, its VACE part included; told what went where.

    Args:
        model: A MODEL, with VACE inside, with adapters of ours, or without VACE.
        name: As `lora_files` lists it.
        strength: Of the LoRA.
        number: Of the adapter that gets the VACE part, from 1 in the order they were applied; `ALL_ADAPTERS` for all.

    Returns:
        The clone, whose weights stay shared.

    Raises:
        VaceInputError: If the file cannot be used, does not fit, or has a part that would be lost.
    """
    lora = _read(name)
    base, vace = lora.names.part(vace=False), lora.names.part(vace=True)
    merged, adapters = is_merged(model), list(model.get_additional_models_with_key(ADAPTER_KEY))
    chosen = _chosen(number, 1 if merged else len(adapters), merged)
    _require_place(lora, vace, chosen)
    patched = _patched(model, "model", lora, {**base, **vace} if merged else base, strength)
    if vace and not merged:
        for index in chosen:
            adapters[index] = _patched(adapters[index], "the VACE adapter", lora, vace, strength)
        patched.set_additional_models(ADAPTER_KEY, adapters)
    _tell_places(lora, base, vace, strength, merged, len(chosen))
    return patched if strength else model


def hook_lora(model: ModelPatcher, name: str, strength: float, previous: HookGroup | None) -> HookGroup:
    """A LoRA as the host's hook for a prompt, under the names that the host knows; told what goes where.

    Args:
        model: The MODEL that will sample; only looked at.
        name: As `lora_files` lists it.
        strength: Of the LoRA.
        previous: Hooks to put this one behind.

    Returns:
        All of them, for base and VACE blocks.

    Raises:
        VaceInputError: As `with_lora`.
    """
    lora, previous = _read(name), previous or comfy.hooks.HookGroup()
    base, vace = lora.names.part(vace=False), lora.names.part(vace=True)
    merged, adapters = is_merged(model), model.get_additional_models_with_key(ADAPTER_KEY)
    _require_place(lora, vace, [model] if merged else adapters)
    named = _fitting(model, "model", lora, {**base, **vace} if merged else base)
    if not merged:
        for adapter in adapters:
            named |= _fitting(adapter, "the VACE adapter", lora, vace)
    _tell_places(lora, base, vace, strength, merged, len(adapters))
    if not strength:
        return previous
    return previous.clone_and_combine(comfy.hooks.create_hook_lora(named, strength, 0.0))


@dataclass(frozen=True)
class _Lora:
    """A LoRA file that is complete and finite."""

    name: str
    names: LoraNames
    tensors: Mapping[str, Tensor]


def _read(name: str) -> _Lora:
    path = folder_paths.get_full_path(FOLDER, name)
    if path is None:
        raise VaceInputError(
            f'lora_name is "{shown(name)}", which is not in models/{FOLDER}. Press R to refresh the list.'
        )
    file = OPENERS.get(Path(path).suffix.lower(), open_pickle)(Path(path))
    # Copied: a training that saves over its file would change, or end, a model that has it on.
    tensors = {key: file.tensor(key).clone() for key in file.keys}
    names = lora_names(tensors, name)
    require_whole_layers(name, names.layers)
    for keys in names.layers.values():
        for key in keys.values():
            if not tensors[key].float().isfinite().all():
                raise VaceInputError(
                    f"{name} is damaged: {key} holds values that are not finite numbers. Its training went wrong or "
                    f"its precision was too low; use an earlier epoch, or download it again."
                )
    return _Lora(name, names, tensors)


def _chosen(number: int, present: int, merged: bool) -> Sequence[int]:
    """Which of the adapters get the VACE part."""
    if merged and number > 1:
        raise VaceInputError(f"adapter is {number}, but model is one file with its adapter inside. Set adapter to 0.")
    if number > max(present, 1):
        raise VaceInputError(
            f"adapter is {number}, but model has {present}. Take 0 for all, or a number up to {present}: that of the "
            f"VACE Apply Adapter node in front of this one."
        )
    return range(present) if number == ALL_ADAPTERS else range(number - 1, min(number, present))


def _require_place(lora: _Lora, vace: Mapping, adapters: Sequence) -> None:
    """Refuse a part for VACE that would be lost."""
    if vace and not adapters:
        raise VaceInputError(
            f"{lora.name} has {len(vace)} layers for VACE blocks, but model has no VACE. Put this node behind VACE "
            f"Apply Adapter, or connect a Wan2.1-VACE model; ComfyUI's Load LoRA is for models without VACE."
        )


def _patched(
    patcher: ModelPatcher, target: str, lora: _Lora, layers: Mapping[str, Mapping[str, str]], strength: float
) -> ModelPatcher:
    """A clone of one of the host's ModelPatchers with these layers of the LoRA."""
    named = _fitting(patcher, target, lora, layers)
    patches = comfy.lora.load_lora(named, comfy.lora.model_lora_keys_unet(patcher.model, {}))
    clone = patcher.clone()
    for key in [key for key in patches if not key.endswith((".weight", ".bias"))]:
        _change_parameter(clone, key, patches.pop(key), strength)
    clone.add_patches(patches, strength)
    return clone


def _fitting(
    patcher: ModelPatcher, target: str, lora: _Lora, layers: Mapping[str, Mapping[str, str]]
) -> dict[str, Tensor]:
    """These layers of the LoRA under the host's names, in forms that it knows; each fits the model."""
    tensors = {layer: {ending: lora.tensors[key] for ending, key in keys.items()} for layer, keys in layers.items()}
    shapes = {layer: {ending: tensor.shape for ending, tensor in parts.items()} for layer, parts in tensors.items()}
    weights = _weight_shapes(patcher.model.diffusion_model)
    require_fit(lora.name, target, shapes, weights)
    return {
        host_name(layer, ending): tensor
        for layer, parts in tensors.items()
        for ending, tensor in _as_host(parts, weights.get(layer) or weights.get(f"{layer}.weight", ())).items()
    }


def _as_host(parts: Mapping[str, Tensor], weight: Sequence[int]) -> dict[str, Tensor]:
    """The parts of a layer that fit a weight of this shape, as the host computes with them."""
    plain = without_cores(parts)
    if "dora_scale" in plain:
        scale = plain["dora_scale"]
        plain["dora_scale"] = scale.reshape(dora_scale_shape(scale.shape, weight))
    return plain


def _change_parameter(patcher: ModelPatcher, key: str, patch: object, strength: float) -> None:
    """Change what is no layer's weight or bias, a block's modulation; the host's loader passes such patches by."""
    own = patcher.get_model_object(key)
    changed = comfy.lora.calculate_weight([(strength, patch, 1.0, None, None)], own.detach().float().clone(), key)
    patcher.add_object_patch(key, nn.Parameter(changed.to(own.dtype), requires_grad=False))


def _weight_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Shapes of weights by name, those of linear layers as they are used, however they are packed."""
    shapes = {}
    for name, module in network.named_modules():
        own = {part: tuple(weight.shape) for part, weight in module.named_parameters(recurse=False)}
        if isinstance(module, nn.Linear):
            own |= {"weight": (module.out_features, module.in_features)}
        shapes |= {f"{name}.{part}" if name else part: shape for part, shape in own.items()}
    return shapes


def _tell_places(lora: _Lora, base: Mapping, vace: Mapping, strength: float, merged: bool, num_adapters: int) -> None:
    """What went where."""
    if strength:
        many = "the VACE adapter" if num_adapters == 1 else f"each of {num_adapters} VACE adapters"
        parts = [f"{len(base)} layers on the base"]
        parts += [f"{len(vace)} on {'the VACE blocks in the model' if merged else many}"] if vace else []
        none = "" if vace else " It has none for VACE blocks."
        told = f"{lora.name} (names: {lora.names.scheme}): {', '.join(parts)}, at strength {strength:g}.{none}"
        tell("lora-placed", told)
    else:
        tell("lora-off", f"strength is 0, so {lora.name} changes nothing.")
    if lora.names.foreign:
        tell(
            "lora-foreign-keys",
            f"{len(lora.names.foreign)} tensors of {lora.name} are for no layer of a Wan model and were left out, such "
            f"as {lora.names.foreign[0]}. Those of a text encoder need ComfyUI's Load LoRA.",
        )
