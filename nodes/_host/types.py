"""Names of the host's objects, for annotations alone.

A type checker sees the host's classes. While the pack runs each name stands for ``object``, so that an annotation
imports nothing: never ask ``isinstance`` of one of these.
"""

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from comfy.hooks import HookGroup
    from comfy.latent_formats import LatentFormat
    from comfy.ldm.wan.model import WanModel
    from comfy.model_base import BaseModel
    from comfy.model_patcher import ModelPatcher
    from comfy.model_sampling import ModelSamplingDiscreteFlow as ModelSampling
    from comfy.samplers import CFGGuider as Guider
    from comfy.samplers import Sampler
    from comfy.sd import CLIP, VAE
    from comfy_api.latest import Input, Types

    Video = Input.Video
    VideoComponents = Types.VideoComponents
else:
    BaseModel = CLIP = Guider = HookGroup = LatentFormat = ModelPatcher = ModelSampling = Sampler = VAE = object
    InputContainer = WanModel = Video = VideoComponents = VideoFrame = VideoStream = object

# One [tensor, values] for each prompt that was combined.
Conditioning: TypeAlias = list[list]
# "samples" [B, 16, R + t, h, w] and what belongs to them.
Latent: TypeAlias = dict[str, object]
# "waveform" [B, channels, samples] and "sample_rate".
Audio: TypeAlias = dict[str, object]
# What patches, wrappers and nodes tell a model call by.
TransformerOptions: TypeAlias = dict[str, object]
# The prompts of a run by kind ("positive", "negative"), each a list of dicts.
Conds: TypeAlias = dict[str, list[dict]]
