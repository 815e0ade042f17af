"""Peak memory of VACE Sample Long Video against its length, each length in a process of its own.

128 x 128, segments of 81 frames, one step, small random weights on the CPU. The clip is read from a file by VACE Build
Long VCU and the video is written to a file, as a workflow with Load Video and Save Video does. The last row holds the
clip and the video as IMAGE instead, as every node pack does that has no other way.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

LENGTHS = (81, 321, 1281)
SIZE = 128
MEBI = 2**10  # of the kibibytes that Linux counts in
SETTINGS = {"settings": "custom", "steps": 1, "cfg": 1.0, "shift": 5.0, "sampler": "euler", "scheduler": "simple"}


def main():
    rows = [(length, "from file to file", peak(length, "stream")) for length in LENGTHS]
    rows.append((LENGTHS[-1], "as IMAGE in memory", peak(LENGTHS[-1], "memory")))
    base = rows[0][2]["run"]
    print(f"{'frames':>7} {'':20} {'loaded MiB':>11} {'peak MiB':>9} {'peak / first':>13}")
    for length, how, found in rows:
        print(f"{length:>7} {how:20} {found['loaded']:>11.0f} {found['run']:>9.0f} {found['run'] / base:>13.3f}")


def peak(length, way):
    argv = [sys.executable, __file__, str(length), way]
    # glibc keeps what each thread freed, up to 150 MiB here, by chance.
    env = os.environ | {"MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(argv, check=True, capture_output=True, text=True, env=env)
    return json.loads(done.stdout.splitlines()[-1])


def measured(length, way):
    """One run; prints the process's peak after loading the models and at the end."""
    import torch

    from harness.host.inprocess import load_host

    call = load_host()
    from harness.nodes.wan_vace_dev import load_clip

    with torch.inference_mode(), tempfile.TemporaryDirectory() as folder:
        import folder_paths

        folder_paths.output_directory = folder_paths.temp_directory = folder
        (model,) = call("UNETLoader", unet_name="small_wan_vace.safetensors", weight_dtype="default")
        (vae,) = call("VAELoader", vae_name="small_wan_vae.safetensors")
        clip = load_clip()
        film = write(Path(folder) / "clip.mp4", length)
        loaded = used()
        sizes = {"references": {}, "width": 0, "height": 0, "fit": "cover", "soft_mask": False, "inside_mask": "empty"}
        if way == "stream":
            vcu, _ = call("VaceBuildLongVcu", video=film, **sizes)
        else:
            frames = film.get_components().images
            vcu, _ = call("VaceBuildVcu", control_video=frames, length=0, **sizes)
        video, _ = call(
            "VaceSampleLongVideo", model=model, clip=clip, vae=vae, vcu=vcu, prompts="a", negative_prompt="", seed=1,
            settings=SETTINGS, segment_length=81, overlap=17, anchor=False, match_colour=True, drift_limit=0.0,
            keep_pixels=True, run="memory", redo="", strength=1.0, boundary=0.875,
        )  # fmt: skip
        whole = video.get_components().images if way == "memory" else None
        video.save_to(str(Path(folder) / "out.mp4"))
        del whole
        print(json.dumps({"loaded": loaded, "run": used()}))
        shutil.rmtree(folder, ignore_errors=True)


def write(path, length):
    """A moving pattern as a file; only one frame at a time is in memory."""
    import av
    import numpy as np
    from comfy_api.latest import InputImpl

    with av.open(str(path), mode="w") as output:
        stream = output.add_stream("h264", rate=Fraction(16))
        stream.width = stream.height = SIZE
        rows, columns = np.mgrid[:SIZE, :SIZE]
        for t in range(length):
            waves = [np.sin((rows * a + columns * b + 4 * t) / 11) for a, b in ((1, 2), (2, 1), (1, -1))]
            picture = (np.stack(waves, -1) * 100 + 128).astype(np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return InputImpl.VideoFromFile(str(path))


def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEBI


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measured(int(sys.argv[1]), sys.argv[2])
    else:
        main()
