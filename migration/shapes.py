"""The sockets of the nodes that are written: the browser's format stores their values by order, without names."""

from __future__ import annotations

from dataclasses import dataclass

SOCKET = object()  # instead of a default: an input without a widget
REFERENCE = "references.reference_image_0"


@dataclass(frozen=True)
class Input:
    """One input of a node.

    Attributes:
        name: As in a prompt.
        kind: Its type.
        default: What its widget has at first; `SOCKET` where there is no widget.
        optional: Whether it may be left out.
    """

    name: str
    kind: str
    default: object = SOCKET
    optional: bool = False

    @property
    def is_widget(self) -> bool:
        """Whether a value can be typed into it."""
        return self.default is not SOCKET


@dataclass(frozen=True)
class Shape:
    """What a kind of node looks like.

    Attributes:
        title: Its name in the menu.
        inputs: Sockets first, then widgets in their order.
        outputs: Name and type of each.
    """

    title: str
    inputs: tuple[Input, ...]
    outputs: tuple[tuple[str, str], ...]

    @property
    def widgets(self) -> tuple[Input, ...]:
        """The inputs that a value can be typed into."""
        return tuple(each for each in self.inputs if each.is_widget)


OLD = "WanVaceToVideo"
BUILD, ENCODE, APPLY = "VaceBuildVcu", "VaceEncodeVcu", "VaceApplyContext"

_IMAGE, _MASK, _MODEL = Input("image", "IMAGE"), Input("mask", "MASK"), Input("model", "MODEL")
SHAPES = {
    OLD: Shape(
        "WanVaceToVideo",
        (
            Input("positive", "CONDITIONING"),
            Input("negative", "CONDITIONING"),
            Input("vae", "VAE"),
            Input("control_video", "IMAGE", optional=True),
            Input("control_masks", "MASK", optional=True),
            Input("reference_image", "IMAGE", optional=True),
            Input("width", "INT", 832),
            Input("height", "INT", 480),
            Input("length", "INT", 81),
            Input("batch_size", "INT", 1),
            Input("strength", "FLOAT", 1.0),
        ),
        (("positive", "CONDITIONING"), ("negative", "CONDITIONING"), ("latent", "LATENT"), ("trim_latent", "INT")),
    ),
    BUILD: Shape(
        "VACE Build VCU",
        (
            Input("control_video", "IMAGE,VIDEO", optional=True),
            Input("control_masks", "MASK", optional=True),
            Input(REFERENCE, "IMAGE,VACE_REFERENCE", optional=True),
            Input("width", "INT", 0, optional=True),
            Input("height", "INT", 0, optional=True),
            Input("length", "INT", 0, optional=True),
            Input("inside_mask", "COMBO", "empty", optional=True),
            Input("fit", "COMBO", "cover", optional=True),
            Input("soft_mask", "BOOLEAN", False, optional=True),
        ),
        (("vcu", "VACE_VCU"), ("report", "STRING")),
    ),
    ENCODE: Shape(
        "VACE Encode VCU",
        (
            Input("vae", "VAE"),
            Input("vcu", "VACE_VCU"),
            Input("mask_edges", "COMBO", "official", optional=True),
            Input("antialias_references", "BOOLEAN", False, optional=True),
            Input("snap_grey", "BOOLEAN", False, optional=True),
            Input("disk_cache", "INT", 0, optional=True),
        ),
        (("context", "VACE_CONTEXT"),),
    ),
    APPLY: Shape(
        "VACE Apply Context",
        (
            Input("positive", "CONDITIONING"),
            Input("negative", "CONDITIONING"),
            Input("context", "VACE_CONTEXT"),
            Input("model", "MODEL", optional=True),
            Input("strength", "FLOAT", 1.0, optional=True),
            Input("batch_size", "INT", 1, optional=True),
        ),
        (("positive", "CONDITIONING"), ("negative", "CONDITIONING"), ("latent", "LATENT"), ("trim_latent", "INT")),
    ),
    "ImageScale": Shape(
        "Upscale Image",
        (
            _IMAGE,
            Input("upscale_method", "COMBO", "nearest-exact"),
            Input("width", "INT", 512),
            Input("height", "INT", 512),
            Input("crop", "COMBO", "disabled"),
        ),
        (("IMAGE", "IMAGE"),),
    ),
    "ImageFromBatch": Shape(
        "Get Image from Batch",
        (_IMAGE, Input("batch_index", "INT", 0), Input("length", "INT", 1)),
        (("IMAGE", "IMAGE"),),
    ),
    "MaskToImage": Shape("Convert Mask to Image", (_MASK,), (("IMAGE", "IMAGE"),)),
    "ImageToMask": Shape("Convert Image to Mask", (_IMAGE, Input("channel", "COMBO", "red")), (("MASK", "MASK"),)),
    "UNETLoader": Shape(
        "Load Diffusion Model",
        (Input("unet_name", "COMBO", ""), Input("weight_dtype", "COMBO", "default")),
        (("MODEL", "MODEL"),),
    ),
    "CLIPLoader": Shape(
        "Load CLIP",
        (
            Input("clip_name", "COMBO", ""),
            Input("type", "COMBO", "wan"),
            Input("device", "COMBO", "default", optional=True),
        ),
        (("CLIP", "CLIP"),),
    ),
    "VAELoader": Shape("Load VAE", (Input("vae_name", "COMBO", ""),), (("VAE", "VAE"),)),
    "CLIPTextEncode": Shape(
        "CLIP Text Encode (Prompt)",
        (Input("clip", "CLIP"), Input("text", "STRING", "")),
        (("CONDITIONING", "CONDITIONING"),),
    ),
    "VaceLoadAdapter": Shape(
        "VACE Load Adapter", (Input("adapter_name", "COMBO", ""),), (("adapter", "VACE_ADAPTER"),)
    ),
    "VaceApplyAdapter": Shape(
        "VACE Apply Adapter",
        (_MODEL, Input("adapter", "VACE_ADAPTER"), Input("vcus", "STRING", "", optional=True)),
        (("model", "MODEL"),),
    ),
    "VaceLoadLora": Shape(
        "VACE Load LoRA",
        (
            _MODEL,
            Input("lora_name", "COMBO", ""),
            Input("strength", "FLOAT", 1.0, optional=True),
            Input("adapter", "INT", 0, optional=True),
        ),
        (("model", "MODEL"), ("report", "STRING")),
    ),
    "VaceSetStrength": Shape(
        "VACE Set Strength",
        (
            _MODEL,
            Input("mask", "MASK", optional=True),
            Input("steps_curve", "CURVE,FLOAT,FLOATS", optional=True),
            Input("frames_curve", "CURVE,FLOAT,FLOATS", optional=True),
            Input("steps", "STRING", "1", optional=True),
            Input("frames", "STRING", "1", optional=True),
            Input("blocks", "STRING", "", optional=True),
            Input("references", "FLOAT", 1.0, optional=True),
            Input("vcu", "INT", 0, optional=True),
        ),
        (("model", "MODEL"),),
    ),
    "VacePlaceKeyframes": Shape(
        "VACE Place Keyframes",
        (
            Input("images.image_0", "IMAGE"),
            Input("images.image_1", "IMAGE", optional=True),
            Input(REFERENCE, "IMAGE,VACE_REFERENCE", optional=True),
            Input("control_video", "IMAGE,VIDEO", optional=True),
            Input("positions", "STRING", "", optional=True),
            Input("length", "INT", 81, optional=True),
            Input("hold", "INT", 1, optional=True),
            Input("snap", "COMBO", "off", optional=True),
            Input("width", "INT", 0, optional=True),
            Input("height", "INT", 0, optional=True),
            Input("fit", "COMBO", "cover", optional=True),
            Input("fps", "FLOAT", 16.0, optional=True),
        ),
        (("vcu", "VACE_VCU"), ("report", "STRING")),
    ),
    "VaceSampleContext": Shape(
        "VACE Sample Context",
        (
            Input("latent", "LATENT"),
            Input("model", "MODEL", optional=True),
            Input("positive", "CONDITIONING", optional=True),
            Input("negative", "CONDITIONING", optional=True),
            Input("low_noise_model", "MODEL", optional=True),
            Input("guider", "GUIDER", optional=True),
            Input("sigmas", "SIGMAS", optional=True),
            Input("sampler_object", "SAMPLER", optional=True),
            Input("seed", "INT", 2025, optional=True),
            Input("settings", "COMFY_DYNAMICCOMBO_V3", "custom", optional=True),
            Input("settings.steps", "INT", 25, optional=True),
            Input("settings.cfg", "FLOAT", 5.0, optional=True),
            Input("settings.shift", "FLOAT", 16.0, optional=True),
            Input("settings.sampler", "COMBO", "official unipc", optional=True),
            Input("settings.scheduler", "COMBO", "official", optional=True),
            Input("denoise", "FLOAT", 1.0, optional=True),
            Input("boundary", "FLOAT", 0.875, optional=True),
        ),
        (("latent", "LATENT"), ("video_latent", "LATENT")),
    ),
    "VaceDecodeLatent": Shape(
        "VACE Decode Latent",
        (
            Input("samples", "LATENT"),
            Input("vae", "VAE"),
            Input("fps", "FLOAT", 0.0, optional=True),
            Input("trim_latent", "INT", -1, optional=True),
            Input("length", "INT", -1, optional=True),
        ),
        (("frames", "IMAGE"), ("video", "VIDEO")),
    ),
}
