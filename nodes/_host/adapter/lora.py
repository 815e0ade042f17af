"""LoRAs on the adapter's own blocks; the host's LoRA loaders see the base alone."""

import comfy.sd
import comfy.utils
import folder_paths

from ....vace_core.errors import VaceInputError
from ..types import ModelPatcher

FOLDER = "loras"
# In the name of every key that belongs to the adapter, whatever the trainer that wrote it.
MARK = "vace"


def lora_files() -> list[str]:
    """Names of LoRA files."""
    return folder_paths.get_filename_list(FOLDER)


def with_lora(adapter: ModelPatcher, name: str, strength: float) -> ModelPatcher:
    """A clone of an adapter with a LoRA, as the host's loaders put one on a model; the weights stay shared.

    Args:
        adapter: From VACE Load Adapter.
        name: As `lora_files` lists it.
        strength: Of the LoRA.

    Raises:
        VaceInputError: If there is no such file, or nothing in it is for the adapter's blocks.
    """
    path = folder_paths.get_full_path(FOLDER, name)
    if path is None:
        raise VaceInputError(f'lora_name is "{name}", which is not in models/{FOLDER}. Press R to refresh the list.')
    weights = comfy.utils.load_torch_file(path, safe_load=True)
    own = {key: value for key, value in weights.items() if MARK in key}
    patched, _ = comfy.sd.load_lora_for_models(adapter, None, own, strength, 0) if own else (adapter, None)
    if not own or (strength and _count_patches(patched) == _count_patches(adapter)):
        raise VaceInputError(
            f"{name} has nothing for the adapter's blocks ({len(own)} of its {len(weights)} keys name VACE, none "
            f"fits). It belongs on the base: use Load LoRA on the model before VACE Apply Adapter."
        )
    return patched


def _count_patches(adapter: ModelPatcher) -> int:
    return sum(map(len, adapter.patches.values()))
