"""Annotators' networks under the host's model management: moved, offloaded and counted like every other model."""

from collections.abc import Callable
from dataclasses import dataclass

import comfy.model_management
import comfy.model_patcher
import torch
from torch import Tensor, nn

from ....vace_core.errors import VaceInputError
from ..types import ModelPatcher

# Working memory of a fully convolutional network, in bytes for each number it takes: about four layers of 64 channels.
MEMORY = 340


@dataclass(frozen=True, eq=False)
class Network:
    """A network in the host's care.

    Attributes:
        patcher: What the host moves.
        dtype: Precision it computes in.
        memory: Bytes it works with, for each number it takes; the host makes room for them.
    """

    patcher: ModelPatcher
    dtype: torch.dtype
    memory: int = MEMORY

    def __call__(self, *pixels: Tensor) -> Tensor:
        """The network's answer, one tensor, as float32 on its device; it is loaded for the time of the call.

        Args:
            pixels: What the network takes, on any device.
        """
        room = self.memory * sum(part.numel() for part in pixels)
        comfy.model_management.load_models_gpu([self.patcher], memory_required=room)
        with torch.inference_mode():
            return self.patcher.model(*(part.to(self.patcher.load_device, self.dtype) for part in pixels)).float()


def manage_network(network: nn.Module, memory: int = MEMORY) -> Network:
    """A network handed to the host, in float32 (annotators are small, and 16 bits cost them detail).

    Args:
        network: Takes and gives tensors.
        memory: Bytes it works with, for each number it takes.
    """
    device, offload = comfy.model_management.get_torch_device(), comfy.model_management.unet_offload_device()
    network = network.requires_grad_(False).eval().to(offload, torch.float32)
    patcher = comfy.model_patcher.CoreModelPatcher(network, load_device=device, offload_device=offload)
    return Network(patcher, torch.float32, memory)


def load_weights(make: Callable[[], nn.Module], tensors: dict[str, Tensor], file: str) -> nn.Module:
    """A network with a file's weights, every one of them.

    Args:
        make: Makes the network.
        tensors: The file's tensors under the network's names.
        file: The file's name, for the message.

    Raises:
        VaceInputError: If names or shapes differ.
    """
    network = make()
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        detail = "; ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise VaceInputError(
            f"{file} does not hold these weights ({detail[:300]}). It is another model's file, or cut off: download it "
            f"again."
        ) from error
    return network
