"""The nodes, in the order of the menu."""

from comfy_api.latest import ComfyExtension, io

from .context import VaceApplyContext, VaceEncodeVcu
from .control import VaceAnnotateGray
from .latents import VaceDecodeLatent, VaceTrimLatent
from .masks import VaceSplitByMask
from .preview import VacePreviewVcu
from .references import VacePrepareReference
from .sampling import VaceLoadModels, VaceSampleVcu
from .vcu import VaceBuildVcu

NODES: list[type[io.ComfyNode]] = [
    VaceLoadModels,
    VacePrepareReference,
    VaceBuildVcu,
    VacePreviewVcu,
    VaceSampleVcu,
    VaceEncodeVcu,
    VaceApplyContext,
    VaceDecodeLatent,
    VaceTrimLatent,
    VaceSplitByMask,
    VaceAnnotateGray,
]


class WanVaceExtension(ComfyExtension):
    """What ComfyUI asks for the pack's nodes."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Every node of the pack."""
        return NODES


async def comfy_entrypoint() -> WanVaceExtension:
    """Called once by ComfyUI's loader."""
    return WanVaceExtension()
