"""Real clips for demo and tests, from the template previews that ComfyUI's own requirements bring."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, files
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageSequence

DISTRIBUTION = "comfyui-workflow-templates-media-video"
BOY_AND_DOG = "video_wan_vace_inpainting-2.webp"
DRAGON = "video_wan_vace_14B_ref2v-1.webp"
DANCER = "video_wan_vace_14B_v2v-1.webp"
CAR = "video_wan_vace_14B_t2v-1.webp"
WHITE_DRESS = "video_wan_vace_flf2v-1.webp"
PORTRAIT = "video_wan_vace_outpainting-1.webp"
FRAMES = 33
HIGH_QUALITY = ("libx264", "yuv420p", {"crf": "12"})
LOSSLESS = ("libvpx-vp9", "gbrp", {"lossless": "1"})
FPS = 16

# Where the dog is: (frame, centre x, centre y, half width, half height), in pixels of the 350x350 clip.
DOG = ((0, 270, 282, 47, 56), (16, 274, 287, 47, 56), (32, 268, 285, 47, 56))
SMOOTH = 4  # the ellipse is drawn this much larger: its edge is soft and no two frames are the same
DRAGON_HEAD = (45, 35, 305, 215)


def find(name: str) -> Path:
    """The file of a template preview.

    Raises:
        FileNotFoundError: If the distribution or the file is not installed.
    """
    try:
        entries = files(DISTRIBUTION) or []
    except PackageNotFoundError:
        entries = []
    for entry in entries:
        if entry.name == name:
            return Path(entry.locate())
    raise FileNotFoundError(f"{name} is not installed. It comes with {DISTRIBUTION}; install that with pip.")


def load(name: str, frames: int) -> np.ndarray:
    """The first frames of a template preview.

    Args:
        name: File name, such as ``BOY_AND_DOG``.
        frames: How many at most.

    Returns:
        [T, H, W, 3], uint8.
    """
    with Image.open(find(name)) as clip:
        return np.stack([np.asarray(f.convert("RGB")) for f in islice(ImageSequence.Iterator(clip), frames)])


def dog_mask(frames: int, height: int, width: int) -> np.ndarray:
    """An ellipse that follows the dog beside the boy.

    Returns:
        [T, H, W], uint8; 255 on the dog, 0 elsewhere, between them on one pixel of edge.
    """
    keys = np.asarray(DOG, dtype=float)
    masks = []
    for t in range(frames):
        x, y, a, b = (np.interp(t, keys[:, 0], keys[:, i]) for i in range(1, 5))
        mask = Image.new("L", (SMOOTH * width, SMOOTH * height))
        box = [SMOOTH * edge for edge in (x - a, y - b, x + a, y + b)]
        ImageDraw.Draw(mask).ellipse(box, fill=255)
        masks.append(np.asarray(mask.reduce(SMOOTH)))
    return np.stack(masks)


def dragon_head() -> Image.Image:
    """A reference picture: the ice dragon's head, softly cut out on white."""
    head = Image.fromarray(load(DRAGON, 1)[0]).crop(DRAGON_HEAD)
    shape = Image.new("L", head.size)
    ImageDraw.Draw(shape).ellipse((8, 8, head.width - 9, head.height - 9), fill=255)
    white = Image.new("RGB", head.size, "white")
    return Image.composite(head, white, shape.filter(ImageFilter.GaussianBlur(6)))


def save_clip(frames: np.ndarray, path: Path) -> Path:
    """Write frames [T, H, W] or [T, H, W, 3] as a lossless animated webp.

    Raises:
        ValueError: If two frames in a row are equal: the format keeps only one of them.
    """
    if any(np.array_equal(*pair) for pair in pairwise(frames)):
        raise ValueError(f"{path.name} would lose a frame: two in a row are equal.")
    first, *rest = (Image.fromarray(frame).convert("RGB") for frame in frames)
    options = {"save_all": True, "append_images": rest, "duration": round(1000 / FPS), "loop": 0}
    first.save(path, format="WEBP", lossless=True, method=0, quality=0, **options)
    return path


def save_film(frames: np.ndarray, path: Path, lossless: bool = False, options: dict[str, str] | None = None) -> Path:
    """Write frames [T, H, W, 3], uint8, for nodes that load a video: an mp4 of high quality, or a lossless webm.

    ``options`` are the encoder's own, in place of those.
    """
    codec, pixels, usual = LOSSLESS if lossless else HIGH_QUALITY
    options = options or usual
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options=options)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def save_picture(frame: np.ndarray, path: Path) -> Path:
    """Write one frame [H, W, 3] as a PNG."""
    Image.fromarray(frame).save(path)
    return path


def write_demo_inputs(folder: Path) -> list[Path]:
    """Write what the example workflows load into ComfyUI's input folder: clips, a mask, and pictures."""
    clip, dress = load(BOY_AND_DOG, FRAMES), load(WHITE_DRESS, 81)
    reference = folder / "dragon.png"
    dragon_head().save(reference)
    return [
        save_clip(clip, folder / "boy_and_dog.webp"),
        save_clip(dog_mask(*clip.shape[:3]), folder / "boy_and_dog_mask.webp"),
        save_film(clip, folder / "boy_and_dog.mp4"),
        save_film(load(DANCER, FRAMES), folder / "dancer.mp4"),
        save_film(load(CAR, FRAMES), folder / "car.mp4"),
        save_picture(dress[0], folder / "first.png"),
        save_picture(dress[-1], folder / "last.png"),
        save_picture(load(PORTRAIT, 1)[0], folder / "portrait.png"),
        reference,
    ]


if __name__ == "__main__":
    for written in write_demo_inputs(Path(sys.argv[1])):
        print(written)
