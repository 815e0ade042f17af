"""Which text encoder a file holds, told from its names; Wan reads prompts with umt5-xxl alone.

Names are those of Hugging Face's T5, as ComfyUI's loader expects them (``detect_te_model`` in its sd.py): 24 blocks of
width 4096. UMT5 has a table of relative positions in every block, T5 in the first alone
(transformers, models/umt5/modeling_umt5.py). Its vocabulary is not among ComfyUI's files, so it is in the file itself.
"""

import re
from collections.abc import Callable, Sequence

from ..errors import VaceInputError
from .checkpoints import checkpoint_kind

WIDTH, LAST_BLOCK = 4096, 23
NORM, VOCABULARY = "encoder.final_layer_norm.weight", "spiece_model"
POSITIONS = "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight"
INSTEAD = (
    "Wan reads prompts with umt5-xxl: choose umt5_xxl_fp8_e4m3fn_scaled.safetensors or umt5_xxl_fp16.safetensors "
    "(Comfy-Org/Wan_2.1_ComfyUI_repackaged) in models/text_encoders"
)
# What a file is of which some name begins so; the first that fits counts.
KINDS = {
    r"blocks\.0\.attn\.q\.": (
        "a umt5-xxl with the official code's names, for WanVideoWrapper, which ComfyUI's loader does not know"
    ),
    r"text_model\.encoder\.layers\.30\.": "CLIP-G, a text encoder of SDXL and SD3",
    r"text_model\.encoder\.layers\.22\.": "CLIP-H, the text encoder of SD 2",
    r"text_model\.|transformer\.resblocks\.": "CLIP-L, a text encoder of SD, SDXL, SD3 and Flux",
    r"vision_model\.|visual\.": "a CLIP vision encoder",
    r"(?:model\.)?(?:language_model\.)?(?:model\.)?layers\.0\.": "a language model, such as Qwen, Gemma or Llama",
    r"(?:[^.]+\.)*vace_blocks\.": "a VACE model or module",
}


def require_text_encoder(name: str, keys: Sequence[str], shape_of: Callable[[str], Sequence[int]]) -> None:
    """Refuse every file but a umt5-xxl that ComfyUI's loader can read.

    Args:
        name: What the user chose.
        keys: Names of all its tensors.
        shape_of: Shape of the tensor with a name.

    Raises:
        VaceInputError: If it is another text encoder, or none.
    """
    problem = _t5_problem(set(keys), shape_of) if NORM in keys else _kind(keys, shape_of)
    if problem:
        raise VaceInputError(f'text_encoder is "{name}", which is {problem}. {INSTEAD}.')


def _t5_problem(keys: set[str], shape_of: Callable[[str], Sequence[int]]) -> str | None:
    (width,) = shape_of(NORM)
    family = "umt5" if POSITIONS in keys else "t5"
    if width != WIDTH:
        return f"a {family} of width {width}, not {WIDTH}"
    if family == "t5":
        return "t5-xxl, the text encoder of Flux and SD3, and no umt5-xxl"
    if not any(key.startswith(f"encoder.block.{LAST_BLOCK}.") for key in keys):
        return f"a umt5-xxl that is cut off: it has no block {LAST_BLOCK}"
    return None if VOCABULARY in keys else f"a umt5-xxl without its vocabulary ({VOCABULARY}), which ComfyUI needs"


def _kind(keys: Sequence[str], shape_of: Callable[[str], Sequence[int]]) -> str:
    for pattern, kind in KINDS.items():
        if any(re.match(pattern, key) for key in keys):
            return kind
    return checkpoint_kind(keys, shape_of)
