"""The nodes, in the order of the menu."""

from comfy_api.latest import ComfyExtension, io

from ._host.files import place_examples
from ._host.signals import serve_needed_files
from .adapter import VaceApplyAdapter, VaceCreateHookLora, VaceLoadAdapter, VaceLoadLora
from .conditioning import (
    VaceApplyContext,
    VaceDecodeLatent,
    VaceDecodeVideo,
    VaceEncodeVcu,
    VaceSetNoiseMask,
    VaceTrimLatent,
)
from .exact import VaceCropVcu, VacePasteBack, VaceStitchCrop
from .long import VaceBuildLongVcu, VaceSampleLongVideo, VaceSetContextWindows
from .masks import VaceAugmentMask, VaceDrawBoxMask, VaceGrowMask, VaceSplitByMask
from .sampling import VaceLoadModels, VaceSampleContext, VaceSampleVcu
from .signals import (
    VaceAnnotateDepth,
    VaceAnnotateFlow,
    VaceAnnotateGray,
    VaceAnnotateLineart,
    VaceAnnotatePose,
    VaceDrawPose,
    VaceMaskSubject,
    VaceTrackMask,
)
from .strength import VaceSetStrength
from .tasks import (
    VaceBridgeVideos,
    VaceDrawLayout,
    VaceExtendVideo,
    VaceInpaintVideo,
    VaceInterpolateFrames,
    VaceJoinVideos,
    VaceLoopVideo,
    VaceMakeAnything,
    VaceOutpaintVideo,
    VacePlaceKeyframes,
    VaceTrackLayout,
)
from .vcu import (
    VaceBuildVcu,
    VaceComposeVcus,
    VaceLoadVcu,
    VaceMixControls,
    VacePrepareReference,
    VacePreviewVcu,
    VaceSaveVcu,
)
from .video import VaceFitVideo

NODES: list[type[io.ComfyNode]] = [
    VaceLoadModels,
    VaceLoadAdapter,
    VaceApplyAdapter,
    VaceLoadLora,
    VaceCreateHookLora,
    VaceSetStrength,
    VaceSetContextWindows,
    VacePrepareReference,
    VaceBuildVcu,
    VaceInpaintVideo,
    VaceOutpaintVideo,
    VacePlaceKeyframes,
    VaceInterpolateFrames,
    VaceExtendVideo,
    VaceBridgeVideos,
    VaceLoopVideo,
    VaceJoinVideos,
    VaceFitVideo,
    VaceMakeAnything,
    VaceComposeVcus,
    VaceMixControls,
    VaceSaveVcu,
    VaceLoadVcu,
    VacePreviewVcu,
    VaceSampleVcu,
    VaceEncodeVcu,
    VaceApplyContext,
    VaceSampleContext,
    VaceSetNoiseMask,
    VaceDecodeLatent,
    VaceDecodeVideo,
    VacePasteBack,
    VaceTrimLatent,
    VaceBuildLongVcu,
    VaceSampleLongVideo,
    VaceMaskSubject,
    VaceTrackMask,
    VaceDrawBoxMask,
    VaceGrowMask,
    VaceAugmentMask,
    VaceSplitByMask,
    VaceCropVcu,
    VaceStitchCrop,
    VaceAnnotateGray,
    VaceAnnotateLineart,
    VaceAnnotateDepth,
    VaceAnnotateFlow,
    VaceAnnotatePose,
    VaceDrawPose,
    VaceDrawLayout,
    VaceTrackLayout,
]


class WanVaceExtension(ComfyExtension):
    """What ComfyUI asks for the pack's nodes."""

    async def on_load(self) -> None:
        """Called when the pack is loaded: what its workflows open is then in the input folder, and the page may ask."""
        place_examples()
        serve_needed_files()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Every node of the pack."""
        return NODES


async def comfy_entrypoint() -> WanVaceExtension:
    """Called once by ComfyUI's loader."""
    return WanVaceExtension()
