"""Conditioning: the core node WanVaceToVideo against this pack, on the same inputs and VAE.

The results are bit-equal (tests/host/conditioning/test_parity.py), so only the time differs. The small VAE costs far
less than the real one, which makes everything around it weigh more here than in a real run.
"""

import torch
from _timing import compare, header

from harness.host.inprocess import load_host

WIDTH, HEIGHT, LENGTH = 64, 48, 33


def main():
    call = load_host()
    (vae,) = call("VAELoader", vae_name="small_wan_vae.safetensors")
    prompt = [[torch.randn(1, 16, 32), {}]]
    video, mask = torch.rand(LENGTH, HEIGHT, WIDTH, 3), (torch.rand(LENGTH, HEIGHT, WIDTH) > 0.5).float()
    size = {"width": WIDTH, "height": HEIGHT, "length": LENGTH}

    def native(control_masks=None):
        call(
            "WanVaceToVideo", positive=prompt, negative=prompt, vae=vae, batch_size=1, strength=1.0,
            control_video=video, control_masks=control_masks, **size,
        )  # fmt: skip

    def encode(control_masks=None):
        vcu, _ = call(
            "VaceBuildVcu", references={}, fit="cover", inside_mask="control", soft_mask=False,
            control_video=video, control_masks=control_masks, **size,
        )  # fmt: skip
        return call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]

    def apply(context):
        call("VaceApplyContext", positive=prompt, negative=prompt, context=context, strength=1.0, batch_size=1)

    header("core", "wan-vace")
    compare("control video", native, lambda: apply(encode()))
    compare("video and mask", lambda: native(mask), lambda: apply(encode(mask)))
    context = encode()
    compare("prompt or strength edited", native, lambda: apply(context))


if __name__ == "__main__":
    with torch.inference_mode():
        main()
