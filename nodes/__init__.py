"""The nodes, in the order of the menu."""

from comfy_api.latest import ComfyExtension, io

from .adapter import VaceApplyAdapter, VaceLoadAdapter, VaceLoadLora, VaceSetStrength
from .combos import VaceMakeAnything
from .compose import VaceComposeVcus, VaceMixControls
from .context import VaceApplyContext, VaceEncodeVcu
from .control import VaceAnnotateGray
from .crop import VaceCropVcu, VaceStitchCrop
from .depth import VaceAnnotateDepth
from .extension import VaceBridgeVideos, VaceExtendVideo, VaceJoinVideos, VaceLoopVideo
from .flow import VaceAnnotateFlow
from .inpaint import VaceInpaintVideo
from .keyframes import VaceInterpolateFrames, VacePlaceKeyframes
from .latents import VaceDecodeLatent, VaceTrimLatent
from .layout import VaceDrawLayout, VaceTrackLayout
from .lineart import VaceAnnotateLineart
from .long import VaceBuildLongVcu, VaceSampleLong
from .masks import VaceSplitByMask
from .maskshape import VaceAugmentMask, VaceDrawBoxMask, VaceGrowMask
from .outpaint import VaceOutpaintVideo
from .paste import VacePasteBack, VaceSetNoiseMask
from .pose import VaceDrawPose
from .pose_detect import VaceAnnotatePose
from .preview import VacePreviewVcu
from .references import VacePrepareReference
from .sample_context import VaceSampleContext
from .sampling import VaceLoadModels, VaceSampleVcu
from .sizes import VaceFitVideo
from .storage import VaceLoadVcu, VaceSaveVcu
from .subject import VaceMaskSubject, VaceTrackMask
from .vcu import VaceBuildVcu
from .windows import VaceSetContextWindows

NODES: list[type[io.ComfyNode]] = [
    VaceLoadModels,
    VaceLoadAdapter,
    VaceLoadLora,
    VaceApplyAdapter,
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
    VacePasteBack,
    VaceTrimLatent,
    VaceBuildLongVcu,
    VaceSampleLong,
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

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Every node of the pack."""
        return NODES


async def comfy_entrypoint() -> WanVaceExtension:
    """Called once by ComfyUI's loader."""
    return WanVaceExtension()
