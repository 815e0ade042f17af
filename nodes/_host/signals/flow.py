"""RAFT under the host's model management, from users' files or the host's own loader."""

from dataclasses import dataclass
from pathlib import Path

import comfy.model_management
import folder_paths
import torch
from torch import Tensor

from ....annotators.flow import Raft, is_raft, raft_bytes, raft_network, torchvision_names
from ....vace_core.errors import VaceInputError
from ....vace_core.notes import tell
from ..models import model_identity
from ..types import ModelPatcher
from .files import Weights, find_weights, read_weights, weights_state
from .networks import load_weights, manage_network

HOST_FOLDER = "optical_flow"
OFFICIAL = Weights(
    ("raft-things.pth", "raft-things.safetensors"), "https://huggingface.co/ali-vilab/VACE-Annotators (flow)"
)
LARGE = Weights(
    ("raft_large_C_T_SKHT_V2-ff5fadd5.safetensors", "raft_large_C_T_SKHT_V2-ff5fadd5.pth"),
    "https://huggingface.co/Comfy-Org/void-model (optical_flow)",
)
RAFT_FILES = {"raft": OFFICIAL, "raft large": LARGE}


@dataclass(frozen=True, eq=False)
class FlowNetwork:
    """torchvision's RAFT in the host's care.

    Attributes:
        patcher: What the host moves.
    """

    patcher: ModelPatcher

    def __call__(self, previous: Tensor, following: Tensor, iterations: int) -> Tensor:
        """Motion [t, 2, h, w] in pixels, float32 on the network's device; see `annotators.flow.Raft.load`."""
        room = len(previous) * raft_bytes(*previous.shape[2:])
        comfy.model_management.load_models_gpu([self.patcher], memory_required=room)
        device = self.patcher.load_device
        with torch.inference_mode():
            pair = (frames.to(device, torch.float32) for frames in (previous, following))
            return self.patcher.model(*pair, num_flow_updates=iterations)[-1]


def raft_from_file(method: str, iterations: int) -> Raft:
    """RAFT with the file of this machine; it is read when motion is looked for.

    Args:
        method: One of `RAFT_FILES`.
        iterations: How often motion is refined.

    Raises:
        VaceInputError: If the file is not on this machine.
    """
    path = find_weights(raft_weights(method), f"The flow method {method}")
    tell("file-used", f"Motion is found by {path.name}.")

    def load() -> FlowNetwork:
        return FlowNetwork(
            manage_network(load_weights(raft_network, torchvision_names(read_weights(path)), path.name)).patcher
        )

    return Raft(load, weights_state(path), iterations)


def raft_from_host(model: ModelPatcher, iterations: int) -> Raft:
    """RAFT as the host's Load Optical Flow Model gives it.

    Args:
        model: The host's OPTICAL_FLOW.
        iterations: How often motion is refined.

    Raises:
        VaceInputError: If it is something else.
    """
    if not is_raft(getattr(model, "model", None)):
        raise VaceInputError(
            "optical_flow is not a RAFT model as Load Optical Flow Model gives it. Connect that node, or choose "
            "another method."
        )
    tell("model-used", "Motion is found by the model on optical_flow.")
    return Raft(lambda: FlowNetwork(model), ("optical_flow", model_identity(model)), iterations)


def raft_weights(method: str) -> Weights:
    """A method's file, also by names that users gave it: for the large RAFT all that begin so in the host's own folder.

    Args:
        method: One of `RAFT_FILES`.
    """
    weights = RAFT_FILES[method]
    if weights is not LARGE or HOST_FOLDER not in folder_paths.folder_names_and_paths:
        return weights
    listed = (Path(file).name for file in folder_paths.get_filename_list(HOST_FOLDER))
    renamed = sorted(name for name in listed if name.startswith("raft_large"))
    return Weights((*weights.names, *renamed), weights.published, weights.licence)
