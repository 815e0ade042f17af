"""A masked region sampled in the whole frame against VACE Crop VCU and VACE Stitch Crop, in one run.

Small random weights on the CPU: at this width attention over the tokens weighs much less than in a real model, so a
real one gains more of a step than is seen here, and the VAE weighs more. Tokens and the share of a 14B step's
operations are computed, not timed.
"""

import torch
from _timing import compare, header

from harness.host.inprocess import load_host

SIZE, LENGTH, STEPS, ROUNDS = 256, 5, 2, 3
# Part of the frame's area that the square mask has, its side, and the margin in per cent: 25 is the default.
CASES = (("1/16", 64, 25), ("1/4", 128, 25), ("1/4", 128, 10), ("1/2", 181, 25), ("1/2", 181, 10))


BUILD = {"fit": "cover", "inside_mask": "empty", "soft_mask": False, "width": 0, "height": 0, "length": 0}


def crop(call, vcu, margin):
    return call("VaceCropVcu", vcu=vcu, margin=margin, scale="1:1", megapixels=0.4, smoothing=8)


def print_real_sizes(call):
    print("Computed, 81 frames, mask in the frame's own shape and in its middle:")
    for height, width in ((480, 832), (720, 1280)):
        for part, side, margin in CASES:
            top, left = (round(n * (1 - side / SIZE) / 2) for n in (height, width))
            mask = torch.zeros(1, height, width)
            mask[:, top : height - top, left : width - left] = 1
            still = torch.zeros(1, 1, 1, 1).expand(81, height, width, 3)
            vcu, _ = call("VaceBuildVcu", control_video=still, control_masks=mask, references={}, **BUILD)
            report = crop(call, vcu, margin)[2]
            print(f"  {width} x {height}, mask of {part}, margin {margin} %: {report.splitlines()[-1]}")


def main():
    call = load_host()
    (vae,) = call("VAELoader", vae_name="small_wan_vae.safetensors")
    (model,) = call("UNETLoader", unet_name="small_wan_vace.safetensors", weight_dtype="default")
    prompt = [[torch.randn(1, 16, 32), {}]]
    video = torch.rand(LENGTH, SIZE, SIZE, 3)

    def conditioned(vcu):
        (context,) = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)
        return call("VaceApplyContext", positive=prompt, negative=prompt, context=context, strength=1.0, batch_size=1)

    def sampled(positive, negative, latent, _):
        sampler = {"seed": 1, "steps": STEPS, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple"}
        parts = {"positive": positive, "negative": negative, "latent_image": latent}
        return call("KSampler", model=model, denoise=1.0, **parts, **sampler)[0]

    def made(vcu):
        samples = sampled(*conditioned(vcu))
        return call("VaceDecodeLatent", samples=samples, vae=vae, fps=0.0, trim_latent=-1, length=-1)[0]

    def whole(vcu):
        call("VacePasteBack", frames=made(vcu), vcu=vcu, feather=4.0, feather_side="outside")

    def stitched(vcu, margin):
        cropped, place, _ = crop(call, vcu, margin)
        call("VaceStitchCrop", frames=made(cropped), crop=place, feather=4.0)

    print_real_sizes(call)
    header("whole", "crop")
    for part, side, margin in CASES:
        mask, start = torch.zeros(1, SIZE, SIZE), (SIZE - side) // 2
        mask[:, start : start + side, start : start + side] = 1
        vcu, _ = call("VaceBuildVcu", control_video=video, control_masks=mask, references={}, **BUILD)
        cropped, place, report = crop(call, vcu, margin)
        print(f"mask of {part} of the frame, margin {margin} %: {report.splitlines()[-1]}", flush=True)
        if place.plan.whole:
            continue
        left, right = conditioned(vcu), conditioned(cropped)
        compare(f"  {STEPS} steps", lambda c=left: sampled(*c), lambda c=right: sampled(*c))
        everything = f"  crop, encode, sample, decode, paste ({ROUNDS} x)"
        compare(everything, lambda v=vcu: whole(v), lambda v=vcu, m=margin: stitched(v, m), ROUNDS)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
