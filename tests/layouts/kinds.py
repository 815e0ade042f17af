"""Every kind of file that VACE is published in, with the source of its layout."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from . import quantised as q

OFFICIAL = "diffusion_pytorch_model"
LAYERS = [0, 2]  # of the small checkpoints: 4 blocks, 2 of VACE
TEXT = {"config": json.dumps({"transformer": {"text_dim": 32}})}  # what the small base needs to be told apart
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        name: What it is called in the table.
        source: Where its names and types are from.
        write: From a folder and plain float32 weights to the file, and what it means in float32.
        whole: Whether it is published with its base inside; otherwise it is a module.
        refused: What VACE Load Adapter calls it when it refuses it; empty if it loads.
        host: Whether ComfyUI's own loader reads such a file right when it holds a whole model; None if it lists none.
        needs: A format that older ComfyUIs do not know; empty if any reads it.
    """

    name: str
    source: str
    write: Callable[[Path, Weights], tuple[Path, Weights]]
    whole: bool = False
    refused: str = ""
    host: bool | None = None
    needs: str = ""


def single(tensors: Callable[[Weights], tuple[Weights, Weights]], text: Callable[[Weights], dict] = lambda _: {}):
    """One safetensors file."""

    def write(folder: Path, weights: Weights) -> tuple[Path, Weights]:
        stored, means = tensors(weights)
        save_file({key: value.clone() for key, value in stored.items()}, folder / "a.safetensors", TEXT | text(stored))
        return folder / "a.safetensors", means

    return write


def cast(dtype: torch.dtype, prefix: str = ""):
    def tensors(weights: Weights) -> tuple[Weights, Weights]:
        stored = {key: value.to(dtype) for key, value in weights.items()}
        return {prefix + key: value for key, value in stored.items()}, {k: v.float() for k, v in stored.items()}

    return tensors


def quant(store, rest=torch.bfloat16, mark: Tensor | None = None):
    def tensors(weights: Weights) -> tuple[Weights, Weights]:
        stored, means = q.quantise(weights, store, rest)
        return stored | ({} if mark is None else {"scaled_fp8": mark}), means

    return tensors


def listed(stored: Weights) -> dict:
    """ComfyUI's list of quantised layers in the file's text."""
    layers = [key.removesuffix(".weight_scale") for key in stored if key.endswith(".weight_scale")]
    return {"_quantization_metadata": json.dumps({"layers": {key: {"format": "float8_e4m3fn"} for key in layers}})}


def in_parts(keys: list[str], parts: int = 3) -> dict[str, str]:
    """Part by name, as the official repositories and diffusers divide a checkpoint."""
    names = [f"{OFFICIAL}-{i + 1:05}-of-{parts:05}.safetensors" for i in range(parts)]
    return {key: names[i * parts // len(keys)] for i, key in enumerate(keys)}


def by_block(keys: list[str]) -> dict[str, str]:
    """Part by name, as LightX2V divides it with ``--save_by_block``: a block and its VACE block together."""
    blocks = {key: re.search(r"blocks\.(\d+)\.", key) for key in keys}
    return {key: f"block_{block[1]}.safetensors" if block else "non_block.safetensors" for key, block in blocks.items()}


def divided(tensors, class_name: str, rename=lambda key: key, where=in_parts):
    """A checkpoint in several files with its index and config.json."""

    def write(folder: Path, weights: Weights) -> tuple[Path, Weights]:
        stored, means = tensors(weights)
        stored = {rename(key): value.clone() for key, value in stored.items()}
        parts = where(sorted(stored))
        for name in set(parts.values()):
            save_file({key: stored[key] for key in stored if parts[key] == name}, folder / name, {"format": "pt"})
        index = {"metadata": {"total_size": 1}, "weight_map": parts}
        (folder / f"{OFFICIAL}.safetensors.index.json").write_text(json.dumps(index))
        config = {"_class_name": class_name, "num_layers": 4, "vace_layers": LAYERS}
        (folder / "config.json").write_text(json.dumps(config))
        return folder, means

    return write


# As in diffusers' transformer_wan_vace.py and convert_wan_to_diffusers.py.
DIFFUSERS = [("before_proj", "proj_in"), ("after_proj", "proj_out"), ("norm3", "norm2"), ("ffn.0", "ffn.net.0.proj"),
             ("ffn.2", "ffn.net.2"), ("modulation", "scale_shift_table"), ("self_attn.norm", "attn1.norm"),
             ("cross_attn.norm", "attn2.norm"), ("self_attn.o", "attn1.to_out.0"), ("cross_attn.o", "attn2.to_out.0"),
             ("self_attn.", "attn1.to_"), ("cross_attn.", "attn2.to_")]  # fmt: skip


def diffusers(key: str) -> str:
    for ours, theirs in DIFFUSERS:
        key = key.replace(ours, theirs)
    return key.replace("attn1.to_norm", "attn1.norm").replace("attn2.to_norm", "attn2.norm")


def k_quants(values: Tensor, kind) -> object:
    """Blocks of a kind that the library reads but does not write: any bits will do, with small scales in float16."""
    import gguf as library
    import numpy as np

    size, length = library.GGML_QUANT_SIZES[kind]
    blocks = np.random.default_rng(0).integers(0, 256, (values.numel() // size, length), dtype=np.uint8)
    scales = slice(length - 2, length) if kind.name == "Q6_K" else slice(0, 4)
    halves = blocks[:, scales].copy().view(np.float16)
    blocks[:, scales] = np.full_like(halves, 1e-4).view(np.uint8)
    return blocks.reshape(len(values), -1)


def gguf(kind: str):
    """Written by the library itself, all but matrices in float32; ggml has four axes, so one shape is kept apart."""

    def write(folder: Path, weights: Weights) -> tuple[Path, Weights]:
        import gguf as library

        types, path, means = library.GGMLQuantizationType, folder / "a.gguf", {}
        writer = library.GGUFWriter(path, "wan")
        for key, value in weights.items():
            own = types[kind if value.ndim == 2 else "F32"]
            if value.shape[-1] % library.GGML_QUANT_SIZES[own][0]:
                own = types.F16  # the blocks of K kinds are 256 values long
            if value.ndim > 4:
                writer.add_array(f"comfy.gguf.orig_shape.{key}", list(value.shape))
            plain = value.flatten(1) if value.ndim > 4 else value
            data = k_quants(plain, own) if own.name.endswith("_K") else library.quants.quantize(plain.numpy(), own)
            writer.add_tensor(key, data, raw_dtype=own)
            meaning = torch.from_numpy(library.quants.dequantize(data, own)).reshape(value.shape)
            means[key] = meaning.half().float() if own.name.startswith("Q") else meaning
        for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
            step()
        writer.close()
        return path, means

    return write


KIJAI = "Kijai/WanVideo_comfy, nodes_model_loading.py of ComfyUI-WanVideoWrapper"
KIJAI_SCALED = "Kijai/WanVideo_comfy_fp8_scaled, nodes_model_loading.py of ComfyUI-WanVideoWrapper"
COMFY = "comfy/utils.py and comfy/ops.py of ComfyUI 0.30"
LIGHTX2V = "tools/convert of ModelTC/LightX2V"
WAN2GP = "DeepBeepMeep/Wan2.1; qmodule.py and qbytes.py of optimum-quanto"
F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16
MARK = {dtype: torch.zeros(2, dtype=dtype) for dtype in (q.E4M3, q.E5M2)}
LIGHTX2V_FP8 = q.scaled_fp8(q.E4M3, suffix="weight_scale", rows=True)

KINDS = (
    Kind("official folder, float32", "Wan-AI/Wan2.1-VACE-1.3B", divided(cast(F32), "VaceWanModel"), whole=True),
    Kind("official folder, bf16", "Wan-AI/Wan2.1-VACE-14B", divided(cast(BF16), "VaceWanModel"), whole=True),
    Kind("repackaged fp16", "Comfy-Org/Wan_2.1_ComfyUI_repackaged", single(cast(F16)), whole=True, host=True),
    Kind("repackaged bf16", "Comfy-Org/Wan_2.1_ComfyUI_repackaged", single(cast(BF16)), whole=True, host=True),
    Kind("saved by ComfyUI", "ModelSave of ComfyUI",
         single(cast(F16, "model.diffusion_model.")), whole=True, host=True),
    Kind("diffusers folder", "Wan-AI/Wan2.1-VACE-14B-diffusers, transformer_wan_vace.py",
         divided(cast(BF16), "WanVACETransformer3DModel", diffusers), whole=True),
    Kind("Wan2.2-VACE-Fun folder", "alibaba-pai/Wan2.2-VACE-Fun-A14B",
         divided(cast(BF16), "VaceWanTransformer3DModel"), whole=True),
    Kind("module bf16", KIJAI, single(cast(BF16)), host=True),
    Kind("module float32", "trained with miniature/TRAINING.md", single(cast(F32)), host=True),
    Kind("module fp8 e4m3", KIJAI, single(quant(q.plain_fp8(q.E4M3))), host=True),
    Kind("module fp8 e5m2", KIJAI, single(quant(q.plain_fp8(q.E5M2))), host=True),
    Kind("fp8 e4m3 scaled, float32 scales", KIJAI_SCALED,
         single(quant(q.scaled_fp8(q.E4M3), mark=MARK[q.E4M3])), host=True),
    Kind("fp8 e4m3 scaled, bf16 scales", KIJAI_SCALED,
         single(quant(q.scaled_fp8(q.E4M3, BF16), mark=MARK[q.E4M3])), host=True),
    Kind("fp8 e4m3 scaled, scale_input", COMFY, single(quant(
        q.scaled_fp8(q.E4M3, extra={"scale_input": torch.tensor(1.0)}), F16, torch.zeros(0, dtype=q.E4M3))), host=True),
    Kind("fp8 e4m3 scaled, no mark", KIJAI_SCALED, single(quant(q.scaled_fp8(q.E4M3))), host=False),
    Kind("fp8 e5m2 scaled, float32 scales", KIJAI_SCALED,
         single(quant(q.scaled_fp8(q.E5M2), mark=MARK[q.E5M2])), host=False),
    Kind("fp8 e5m2 scaled, bf16 scales", KIJAI_SCALED,
         single(quant(q.scaled_fp8(q.E5M2, BF16), mark=MARK[q.E5M2])), host=False),
    Kind("fp8 e5m2 scaled, no mark", KIJAI_SCALED, single(quant(q.scaled_fp8(q.E5M2, BF16))), host=False),
    Kind("fp8 e4m3, comfy_quant", COMFY,
         single(quant(q.described("float8_e4m3fn", q.scaled_fp8(q.E4M3, suffix="weight_scale")))), host=True),
    Kind("fp8 e5m2, comfy_quant", COMFY,
         single(quant(q.described("float8_e5m2", q.scaled_fp8(q.E5M2, suffix="weight_scale")))), host=True),
    Kind("fp8 e4m3, listed in the text", COMFY,
         single(quant(q.scaled_fp8(q.E4M3, suffix="weight_scale")), listed), host=True),
    Kind("int8, comfy_quant", COMFY,
         single(quant(q.described("int8_tensorwise", q.lightx2v_int8))), host=True, needs="int8_tensorwise"),
    Kind("mxfp8, comfy_quant", COMFY,
         single(quant(q.of_host("TensorCoreMXFP8Layout", "mxfp8"))), host=True, needs="mxfp8"),
    Kind("nvfp4, comfy_quant", COMFY,
         single(quant(q.of_host("TensorCoreNVFP4Layout", "nvfp4"))), host=True, needs="nvfp4"),
    Kind("LightX2V fp8", LIGHTX2V, single(quant(LIGHTX2V_FP8)), host=False),
    Kind("LightX2V fp8, a file for each block", LIGHTX2V,
         divided(quant(LIGHTX2V_FP8), "WanModel", where=by_block), whole=True),
    Kind("LightX2V int8", LIGHTX2V, single(quant(q.lightx2v_int8)), host=False),
    Kind("LightX2V NVFP4", LIGHTX2V, single(quant(q.lightx2v_nvfp4)), refused="NVFP4 of LightX2V", host=False),
    Kind("Wan2GP quanto int8, mbf16", WAN2GP, single(quant(q.quanto_int8(BF16))), host=False),
    Kind("Wan2GP quanto int8, mfp16", WAN2GP, single(quant(q.quanto_int8(F16), F16)), host=False),
    Kind("quanto int4", "qbits.py and packed.py of optimum-quanto", single(quant(q.quanto_int4)),
         refused="quanto int4", host=False),
    Kind("bitsandbytes nf4", "functional.py of bitsandbytes", single(quant(q.bitsandbytes_nf4)),
         refused="bitsandbytes", host=False),
    Kind("Nunchaku int4", "models/linear.py of nunchaku", single(quant(q.nunchaku_int4)),
         refused="Nunchaku, AWQ or GPTQ", host=False),
    *(Kind(f"GGUF {kind}", "convert.py of city96/ComfyUI-GGUF, the gguf library", gguf(kind))
      for kind in ("F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q4_K", "Q4_0")),
)  # fmt: skip
