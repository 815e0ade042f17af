"""Every node that writes files, and what else of the pack does, with small models; and what readers take for whole."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import tqdm

from ..host.inprocess import load_host
from ..host.locations import pack_module
from ..inputs.long_film import INPUTS, settings
from .folders import room

FILM = INPUTS | {"prompts": "a boy", "settings": settings(steps=1), "run": "film"}
REFUSED, SLOWER, LESS = "refused", "slower", "less"
LENGTH, SIZE = 9, 32
LATENT = (8, 8)  # its video is a file of several pages


@dataclass(frozen=True)
class Writer:
    """Something that writes.

    Attributes:
        name: A heading of the table.
        writes: Which files.
        make: Writes, reads back, and gives a hash of what came out.
        whole: Hashes of everything that its readers take for whole.
        read: Reads what was made, or makes it again where it is gone, and gives the same hash; None for what no second
            run reads.
        on_full: What a disk that takes nothing means: `REFUSED` in a sentence, `SLOWER`, or `LESS` of what is optional.
        only_reads: Whether somebody else writes it.
    """

    name: str
    writes: str
    make: Callable[[], str]
    whole: Callable[[], Iterator[str]]
    read: Callable[[], str] | None = None
    on_full: str = REFUSED
    only_reads: bool = False


def writers(clip_file: Path) -> list[Writer]:
    """All of them; models are loaded, and a video is written for those that read one.

    Args:
        clip_file: Where that video is to lie, outside of what is harmed.
    """
    stock = _Stock(clip_file)
    found = [
        Writer("VACE Save VCU", "a VCU file", stock.save_vcu, stock.whole_vcus, stock.load_vcu),
        Writer(
            "VACE Sample Long Video", "a run: manifest, segments, lock", stock.film, stock.whole_segments, stock.film
        ),
        Writer("VACE Build Long VCU", "frames and masks of a video file", stock.long_vcu, stock.whole_long_vcus),
        Writer("VACE Decode Video", "a video file, by the host's Save Video", stock.video, stock.whole_videos),
        Writer(
            "annotators", "annotations that are kept", stock.annotate, stock.whole_annotations, stock.annotate, SLOWER
        ),
        Writer("VACE Encode VCU", "encoded clips that are kept", stock.encode, stock.whole_clips, stock.encode, SLOWER),
        Writer("the pack, as it is loaded", "example clips", stock.examples, stock.whole_examples, None, LESS),
        Writer(
            "a connected video", "a video file", stock.copy_clip, stock.whole_copies, stock.read_copy, only_reads=True
        ),
    ]
    with room():  # what is imported late is charged to no case
        for writer in found:
            writer.make()
    stock.forget()
    return found


def digest(*tensors: torch.Tensor) -> str:
    """A short hash of tensors."""
    found = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        found.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


class _Stock:
    """Models and clips, loaded once; every child begins with the same."""

    def __init__(self, clip_file: Path) -> None:
        tqdm.tqdm.monitor_interval = 0  # its thread could hold a lock as a process is forked
        self.call = load_host()
        from ..nodes.wan_vace_dev import load_clip

        torch.set_grad_enabled(False)
        (self.model,) = self.call("UNETLoader", unet_name="small_wan_vace.safetensors", weight_dtype="default")
        (self.vae,) = self.call("VAELoader", vae_name="small_wan_vae.safetensors")
        self.clip = load_clip()
        generator = torch.Generator().manual_seed(3)
        noise = torch.rand(1, 1, 3, SIZE // 8, SIZE // 8, generator=generator)
        still = torch.nn.functional.interpolate(noise[0], size=(SIZE, SIZE), mode="bilinear")[0].movedim(0, -1)
        self.frames = torch.stack([still.roll(2 * t, 1) for t in range(LENGTH)])
        self.mask = torch.zeros(LENGTH, SIZE, SIZE)
        self.mask[:, 8:24, 8:24] = 1
        self.latent = {"samples": torch.randn(1, 16, (LENGTH - 1) // 4 + 1, *LATENT, generator=generator)}
        self.clip_file = clip_file
        self._write_clip()

    def _write_clip(self) -> None:
        import av

        with av.open(str(self.clip_file), "w") as container:
            stream = container.add_stream("mpeg4", rate=16)
            stream.width = stream.height = SIZE
            for frame in (self.frames * 255).byte().numpy():
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())

    def forget(self) -> None:
        """Let the VAE encode anew what it has encoded."""
        self.vae.patcher.attachments.clear()

    def vcu(self) -> object:
        """An inpaint of the clip."""
        return self.call(
            "VaceBuildVcu", control_video=self.frames, control_masks=self.mask, inside_mask="empty", references={}
        )[0]

    def save_vcu(self) -> str:
        file, _ = self.call("VaceSaveVcu", vcu=self.vcu(), filename_prefix="vcu/scene", precision="exact")
        return self._of_vcu(file)

    def load_vcu(self) -> str:
        return self._of_vcu("vcu/scene_00001_.vcu.safetensors [output]")

    def whole_vcus(self) -> Iterator[str]:
        return map(self._of_vcu, pack_module("nodes._host.vcu").vcu_files())

    def _of_vcu(self, file: str) -> str:
        vcu = self.call("VaceLoadVcu", file=file)[0]
        return digest(vcu.frames, vcu.mask)

    def film(self) -> str:
        given = {"model": self.model, "clip": self.clip, "vae": self.vae, "vcu": self.vcu()}
        film, _ = self.call("VaceSampleLongVideo", **given, **FILM)
        return digest(*film.run.frames())

    def whole_segments(self) -> Iterator[str]:
        for file in self._frame_files(_folder("output", "vace_runs", "film"), "*.rgb"):
            yield digest(file.read(0, file.shape[0]))

    def long_vcu(self) -> str:
        from comfy_api.latest import InputImpl

        video = InputImpl.VideoFromFile(str(self.clip_file))
        vcu, _ = self.call("VaceBuildLongVcu", video=video, mask=self.mask, inside_mask="empty", references={})
        found = vcu.segment(0, vcu.num_frames)
        return digest(found.frames, found.mask)

    def whole_long_vcus(self) -> Iterator[str]:
        on_disk = pack_module("vace_core.long.vcu")._OnDisk
        for file in self._frame_files(_folder("temp", "vace_long"), "*.vcu"):
            yield digest(*on_disk(file).read(0, file.shape[0]))

    @staticmethod
    def _frame_files(folder: Path, pattern: str) -> Iterator[object]:
        """What a reader accepts; a file that is found damaged is an error here."""
        opened = pack_module("vace_core.long.frame_file").FrameFile.open
        return (opened(path, "") for path in sorted(folder.glob(pattern)))

    def video(self) -> str:
        (video,) = self.call("VaceDecodeVideo", vae=self.vae, samples=dict(self.latent), trim_latent=0, length=LENGTH)[
            :1
        ]
        codec = {"codec": "auto"}
        self.call("SaveVideo", video=video, filename_prefix="video/scene", format="auto", codec=codec)
        return list(self.whole_videos())[-1]

    def whole_videos(self) -> Iterator[str]:
        import av

        for path in sorted(_folder("output", "video").glob("scene_*")):
            with av.open(str(path)) as container:
                frames = [torch.from_numpy(f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
            yield digest(*frames)

    def annotate(self) -> str:
        gray = pack_module("annotators.lines").Gray()
        return digest(pack_module("nodes._host.signals.annotate").annotate(gray, self.frames))

    def whole_annotations(self) -> Iterator[str]:
        load = pack_module("nodes._host.signals.annotate")._load
        for path in sorted(_folder("temp", "vace_annotations").glob("*.safetensors")):
            found = load(path, ("control",))
            if found is None:
                raise ValueError(f"{path.name} lies there and cannot be read")
            yield digest(*found.values())

    def encode(self) -> str:
        self.forget()
        return digest(self.call("VaceEncodeVcu", vae=self.vae, vcu=self.vcu(), disk_cache=64)[0].latents)

    def whole_clips(self) -> Iterator[str]:
        clips = pack_module("nodes._host.conditioning.clip_files")
        folder = _folder("temp", clips.FOLDER)
        for path in sorted(folder.glob(f"*{clips.SUFFIX}")):
            found = clips.ClipFile(clips.ClipFiles(folder, 2**26), path).read()
            if found is None:
                raise ValueError(f"{path.name} lies there and cannot be read")
            yield digest(found)

    def examples(self) -> str:
        pack_module("nodes._host.files").place_examples()
        return hashlib.blake2b("".join(self.whole_examples()).encode(), digest_size=8).hexdigest()

    def copy_clip(self) -> str:
        shutil.copy(self.clip_file, _folder("input", "copy.mp4"))
        return self.read_copy()

    def read_copy(self) -> str:
        from comfy_api.latest import InputImpl

        video = InputImpl.VideoFromFile(str(_folder("input", "copy.mp4")))
        vcu = self.call("VaceBuildVcu", control_video=video, references={}, inside_mask="control")[0]
        return digest(vcu.frames, vcu.mask)

    def whole_copies(self) -> Iterator[str]:
        return iter([self.read_copy()])

    @staticmethod
    def whole_examples() -> Iterator[str]:
        for path in sorted(_folder("input").glob("vace_*")):
            yield f"{path.name} {hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()}"


def _folder(name: str, *parts: str) -> Path:
    import folder_paths

    return Path(getattr(folder_paths, f"get_{name}_directory")(), *parts)
