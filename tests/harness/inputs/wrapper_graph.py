"""A VACE graph of WanVideoWrapper, with its own names of nodes and inputs.

They are those of ``nodes.py``, ``nodes_model_loading.py`` and ``nodes_sampler.py`` in kijai/ComfyUI-WanVideoWrapper.
"""

from __future__ import annotations


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def wrapper_prompt():
    """Module on a plain model, a LoRA, two VCUs in a chain, block swap; all inputs as WanVideoWrapper saves them."""
    encode = {"vae": ["3", 0], "width": 832, "height": 480, "num_frames": 81, "tiled_vae": False}
    return {
        "1": node("WanVideoVACEModelSelect", vace_model="Wan2_1-VACE_module_14B_bf16.safetensors"),
        "2": node(
            "WanVideoModelLoader", model="Wan2_1-T2V-14B_fp8_e4m3fn.safetensors", base_precision="fp16",
            quantization="fp8_e4m3fn", load_device="offload_device", attention_mode="sdpa", extra_model=["1", 0],
            lora=["4", 0], block_swap_args=["5", 0],
        ),
        "3": node("WanVideoVAELoader", model_name="Wan2_1_VAE_bf16.safetensors", precision="bf16"),
        "4": node("WanVideoLoraSelect", lora="causvid.safetensors", strength=0.5, low_mem_load=False),
        "5": node("WanVideoBlockSwap", blocks_to_swap=20, offload_img_emb=False, offload_txt_emb=False),
        "6": node("LoadWanVideoT5TextEncoder", model_name="umt5-xxl-enc-bf16.safetensors", precision="bf16",
                  load_device="offload_device", quantization="disabled"),
        "7": node("WanVideoTextEncode", positive_prompt="a fox", negative_prompt="blurred", t5=["6", 0],
                  force_offload=True),
        "8": node("LoadVideo", file="a.mp4"),
        "9": node("LoadImage", image="a.png"),
        "10": node("WanVideoVACEEncode", **encode, strength=0.8, vace_start_percent=0.0, vace_end_percent=0.4,
                   input_frames=["8", 0], input_masks=["9", 1], ref_images=["9", 0]),
        "11": node("WanVideoVACEEncode", **encode, strength=1.0, vace_start_percent=0.0, vace_end_percent=1.0,
                   input_frames=["8", 0], prev_vace_embeds=["10", 0]),
        "12": node("WanVideoSampler", model=["2", 0], image_embeds=["11", 0], text_embeds=["7", 0], steps=8, cfg=1.0,
                   shift=8.0, seed=42, force_offload=True, scheduler="unipc", riflex_freq_index=0,
                   denoise_strength=1.0, cache_args=["14", 0], start_step=0, end_step=-1),
        "13": node("WanVideoDecode", vae=["3", 0], samples=["12", 0], enable_vae_tiling=False, tile_x=272, tile_y=272,
                   tile_stride_x=144, tile_stride_y=128),
        "14": node("WanVideoTeaCache", rel_l1_thresh=0.2, start_step=1, end_step=-1),
        "15": node("VHS_VideoCombine", images=["13", 0], frame_rate=16),
    }  # fmt: skip
