"""The context adapter as a model of its own: VACE blocks and their patch embedding, without any base.

Built from the host's own layers, so its weights are cast, quantised, patched by LoRAs and offloaded as the host does.
"""

from pathlib import Path
from types import SimpleNamespace

import comfy.ldm.wan.model
import comfy.model_management
import comfy.model_patcher
import torch
from torch import Tensor, nn

from ....vace_core.adapter import AdapterShape, adapter_shape, values_shapes
from ....vace_core.errors import VaceInputError
from ..types import ModelPatcher
from .files import read_adapter
from .quantised import host_precision, host_tensors, keep_types

PATCH_SIZE = (1, 2, 2)
HEAD_DIM = 128


class AdapterBlocks(nn.Module):
    """``vace_patch_embedding`` and ``vace_blocks``, named as in every VACE file."""

    def __init__(self, shape: AdapterShape, dtype: torch.dtype, device: torch.device, operations: type) -> None:
        super().__init__()
        self.dtype = dtype
        self.vace_patch_embedding = operations.Conv3d(
            shape.in_dim, shape.dim, kernel_size=PATCH_SIZE, stride=PATCH_SIZE, device=device, dtype=torch.float32
        )
        settings = {"operations": operations, "device": device, "dtype": dtype}
        heads = shape.dim // HEAD_DIM
        self.vace_blocks = nn.ModuleList(
            comfy.ldm.wan.model.VaceWanAttentionBlock(
                "t2v_cross_attn",
                shape.dim,
                shape.ffn_dim,
                heads,
                (-1, -1),
                True,
                True,
                1e-6,
                block_id=index,
                operation_settings=settings,
            )
            for index in range(shape.num_layers)
        )


class ContextAdapter(nn.Module):
    """What the host's ModelPatcher holds; its state-dict keys begin as in a full model, so LoRAs find them."""

    def __init__(
        self, blocks: AdapterBlocks, cast: torch.dtype | None, shape: AdapterShape, layers: tuple | None, name: str
    ) -> None:
        super().__init__()
        self.name = name
        self.diffusion_model = blocks
        self.manual_cast_dtype = cast
        self.shape = shape
        self.layers = layers
        self.model_config = SimpleNamespace(unet_config={})
        self.device = None
        self.hooks = None  # those in the weights now, whichever of its patchers put them there
        self.checked_run = None  # a weak reference to the noise levels of the last run that was found finite
        self.without_dynamic_vram = None  # the same adapter out of dynamic VRAM, once one was needed

    def get_dtype(self) -> torch.dtype:
        """Precision of the weights, as the host asks for it."""
        return self.diffusion_model.dtype

    def memory_required(self, *_args: object, **_shapes: object) -> float:
        """Nothing beyond the weights: what a run needs is counted with the base."""
        return 0


def load_adapter(path: Path, disable_dynamic: bool = False) -> ModelPatcher:
    """A ModelPatcher of the adapter in a file, which the host may load again: out of dynamic VRAM, or for another GPU.

    Args:
        path: As `adapter_path` gives it.
        disable_dynamic: Whether never to use the host's dynamic VRAM; the name the host calls it by.

    Raises:
        VaceInputError: If the file holds no whole adapter.
    """
    weights = read_adapter(path)
    patcher = build_adapter(weights.tensors, weights.metadata, weights.layers, disable_dynamic, weights.name)
    patcher.cached_patcher_init = (load_adapter, (path,))
    return patcher


def clone_for_base(base: ModelPatcher, adapter: ModelPatcher) -> ModelPatcher:
    """A clone of the adapter as it goes with that base: in dynamic VRAM only if the base is.

    The host patches hooks into weights only out of dynamic VRAM, and takes the base out of it. All clones share one
    adapter out of it, read from the file when the first needs it; one that is from no file stays as it is.
    """
    if base.is_dynamic() or not adapter.is_dynamic() or adapter.cached_patcher_init is None:
        return adapter.clone()
    weights, backup = adapter.model.without_dynamic_vram or (None, {})
    clone = adapter.clone(disable_dynamic=True, model_override=weights)
    clone.hook_backup = backup
    adapter.model.without_dynamic_vram = clone.get_clone_model_override(), backup
    return clone


def build_adapter(
    tensors: dict[str, Tensor],
    metadata: dict | None,
    layers: tuple[int, ...] | None,
    disable_dynamic: bool = False,
    name: str = "The VACE adapter",
) -> ModelPatcher:
    """A ModelPatcher of the adapter, in the precision that the host would give a model with these weights.

    Args:
        tensors: ``vace_patch_embedding.*`` and ``vace_blocks.*``, with their quantisation companions.
        metadata: The file's metadata.
        layers: Base block of each adapter block, None where the file does not say.
        disable_dynamic: Whether never to use the host's dynamic VRAM.
        name: What the user calls it: the file.

    Raises:
        VaceInputError: If a quantised weight lacks its scale, is damaged, or something in it belongs to no adapter.
    """
    shape = adapter_shape(values_shapes({key: tensor.shape for key, tensor in tensors.items()}), name)
    tensors = host_tensors(tensors, metadata, name)
    load, offload = comfy.model_management.get_torch_device(), comfy.model_management.unet_offload_device()
    dtype, cast, operations = host_precision(tensors, load)
    blocks = AdapterBlocks(shape, dtype, offload, operations)
    keep_types(blocks, tensors)
    adapter = ContextAdapter(blocks, cast, shape, layers, name)
    patchers = comfy.model_patcher
    kind = patchers.ModelPatcher if disable_dynamic else patchers.CoreModelPatcher
    patcher = kind(adapter, load_device=load, offload_device=offload)
    _, unknown = blocks.load_state_dict(tensors, strict=False, assign=patcher.is_dynamic())
    if unknown:
        raise VaceInputError(
            f"{name} holds {unknown[0]}, which belongs to no VACE adapter that is known here: another variant, or "
            f"quantised in a way that cannot be read. Choose the same file in bf16 or fp16."
        )
    blocks.requires_grad_(False).eval()
    return patcher
