"""The trained miniature in a real ComfyUI: its files by the host's loaders, its clips by this pack's nodes."""

import importlib
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ...training.flow_matching import SHIFT
from ..locations import WEIGHTS
from ..networks import FILES
from ..world import SIZE

STEPS, CFG = 16, 3.0
SHIPPED = "cpu"  # the profile of the weights in the repository
# Runs a node of the host or of the pack by its id and gives its outputs.
Call = Callable[..., tuple]
LONG = {
    "negative_prompt": "", "anchor": False, "match_colour": True, "drift_limit": 0.0, "keep_pixels": True,
    "redo": "", "strength": 1.0, "boundary": 0.875,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Studio:
    """Models that are loaded, and how to sample with them.

    Attributes:
        call: See `Call`.
        model: The base with the adapter on it.
        vae: The VAE.
        clip: The text encoder.
        steps: Sampling steps.
        pixels: Height and width of its clips.
        profile: That it was trained by.
    """

    call: Call
    model: object
    vae: object
    clip: object
    steps: int = STEPS
    pixels: int = SIZE
    profile: str = SHIPPED

    @property
    def settings(self) -> dict[str, object]:
        """Of every sampler here."""
        numbers = {"steps": self.steps, "cfg": CFG, "shift": SHIFT}
        return {"settings": "custom", **numbers, "sampler": "euler", "scheduler": "simple"}

    def encode(self, vcu: object) -> object:
        """The context of a VCU."""
        return self.call("VaceEncodeVcu", vae=self.vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]

    def empty(self, length: int, height: int, width: int) -> object:
        """The VCU that asks for nothing."""
        size = {"width": width, "height": height, "length": length, "fit": "cover"}
        return self.call("VaceBuildVcu", references={}, inside_mask="empty", soft_mask=False, **size)[0]

    def film(
        self, vcu: object, caption: str, seed: int, *, context: object = None, strength: float = 1.0, steps: str = ""
    ) -> Tensor:
        """Frames [T, H, W, 3] of a VCU.

        Args:
            vcu: What the model looks at.
            caption: In the world's words; empty is no caption.
            seed: Of the noise.
            context: The VCU encoded, if it was encoded otherwise than by `encode`.
            strength: Of the VCU.
            steps: Its strength over the sampling schedule, as VACE Set Strength reads it; 1 throughout without.
        """
        model, texts = self.model, [self.call("CLIPTextEncode", clip=self.clip, text=text)[0] for text in (caption, "")]
        positive, negative, latent, _ = self.call(
            "VaceApplyContext",
            positive=texts[0],
            negative=texts[1],
            context=context or self.encode(vcu),
            strength=strength,
            batch_size=1,
        )
        if steps:
            (model,) = self.call("VaceSetStrength", model=model, steps=steps, frames="1", blocks="", references=1.0)
        given = {"model": model, "positive": positive, "negative": negative, "denoise": 1.0, "boundary": 0.875}
        sampled, _ = self.call("VaceSampleContext", latent=latent, seed=seed, settings=self.settings, **given)
        return self.call("VaceDecodeLatent", samples=sampled, vae=self.vae, fps=0.0, trim_latent=-1, length=-1)[0]

    def given_back(self, frames: Tensor) -> Tensor:
        """Frames [T, H, W, 3] that went through the VAE."""
        (latent,) = self.call("VAEEncode", vae=self.vae, pixels=frames)
        (back,) = self.call("VAEDecode", vae=self.vae, samples=latent)
        return back.view_as(frames)

    def pasted(self, frames: Tensor, vcu: object, feather: float = 2.0) -> Tensor:
        """Frames with what the VCU keeps put back."""
        return self.call("VacePasteBack", frames=frames, vcu=vcu, feather=feather, feather_side="outside")[0]

    def long_film(self, vcu: object, caption: str, seed: int, length: int, overlap: int) -> Tensor:
        """Frames of a VCU in segments of a length that share some frames."""
        folders = importlib.import_module("folder_paths")
        usual = folders.get_output_directory()
        with tempfile.TemporaryDirectory() as place:
            folders.set_output_directory(place)
            try:
                video, _ = self.call(
                    "VaceSampleLongVideo",
                    model=self.model, clip=self.clip, vae=self.vae, vcu=vcu, prompts=caption, seed=seed,
                    settings=self.settings, segment_length=length, overlap=overlap, run="quality", **LONG,
                )  # fmt: skip
                return video.get_components().images
            finally:
                folders.set_output_directory(usual)


@contextmanager
def weights_in_reach(place: Path = WEIGHTS) -> Iterator[None]:
    """Within, the host's loaders find the miniature's files in a folder."""
    folders = importlib.import_module("folder_paths")
    before = {name: (list(paths), ends) for name, (paths, ends) in folders.folder_names_and_paths.items()}
    for file in FILES.values():
        folder = Path(file).parent.name
        folders.add_model_folder_path(folder, str(place / folder), is_default=True)
    try:
        yield
    finally:
        folders.folder_names_and_paths.clear()
        folders.folder_names_and_paths.update(before)


def open_studio(call: Call, clip: object, steps: int = STEPS, weights: Path = WEIGHTS) -> Studio:
    """The miniature's files, loaded.

    Args:
        call: See `Call`.
        clip: The world's words as the host's text encoder.
        steps: Sampling steps.
        weights: Folder of the files and of their record.
    """
    record = json.loads((weights / "record.json").read_text("utf-8"))
    names = {kind: Path(file).name for kind, file in FILES.items()}
    with weights_in_reach(weights):
        (base,) = call("UNETLoader", unet_name=names["base"], weight_dtype="default")
        (vae,) = call("VAELoader", vae_name=names["vae"])
        (adapter,) = call("VaceLoadAdapter", adapter_name=names["adapter"])
    (model,) = call("VaceApplyAdapter", model=base, adapter=adapter)
    trained = record.get("pixels", SIZE), record.get("profile", SHIPPED)
    return Studio(call, model, vae, clip, steps, *trained)
