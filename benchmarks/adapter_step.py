"""Cost of a sampling step: plain base, the host's merged VACE model, and the attached adapter, in one run.

Small random weights on the CPU: the ratios show what is computed and what is left out, not the speed of a real model,
where the adapter adds about 51 % (1.3B) or 21 % (14B) to a step.
"""

import torch
from _timing import compare, header

from harness.host.inprocess import load_host

STEPS = 6
MANY = 31  # pairs where a difference of 2 % is to be seen


def main():
    call = load_host()
    (vae,) = call("VAELoader", vae_name="small_wan_vae.safetensors")
    plain, merged = (
        call("UNETLoader", unet_name=f"small_wan_{kind}.safetensors", weight_dtype="default")[0]
        for kind in ("t2v", "vace")
    )
    (adapter,) = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")
    (attached,) = call("VaceApplyAdapter", model=plain, adapter=adapter)
    strength = {"frames": "1", "blocks": "", "references": 1.0}
    (scheduled,) = call("VaceSetStrength", model=attached, steps="0:1, 45%:1, 45%:0", **strength)
    settings = {"fit": "cover", "inside_mask": "empty", "soft_mask": False}
    vcu, _ = call("VaceBuildVcu", references={}, width=256, height=256, length=9, **settings)
    (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)
    prompt = [[torch.randn(1, 16, 32), {}]]

    def run(model, scale):
        positive, negative, latent, _ = call(
            "VaceApplyContext", positive=prompt, negative=prompt, context=context, strength=scale, batch_size=1
        )
        sampler = {
            "seed": 1,
            "steps": STEPS,
            "cfg": 4.0,
            "sampler_name": "euler",
            "scheduler": "simple",
            "denoise": 1.0,
        }
        conditioning = {"positive": positive, "negative": negative, "latent_image": latent}
        return lambda: call("KSampler", model=model, **conditioning, **sampler)

    base = run(plain, 1.0)
    header("left", "right")
    compare("base / base (noise of this machine)", base, base, MANY)
    compare("merged, strength 1 / base", run(merged, 1.0), base)
    compare("merged, strength 0 / base", run(merged, 0.0), base)
    compare("attached, strength 1 / base", run(attached, 1.0), base)
    compare("attached, strength 0 / base", run(attached, 0.0), base, MANY)
    compare("attached, off after 45 % / base", run(scheduled, 1.0), base)
    compare("merged / attached, both at strength 1", run(merged, 1.0), run(attached, 1.0))


if __name__ == "__main__":
    with torch.inference_mode():
        main()
