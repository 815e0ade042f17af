"""Annotators: seconds a frame on a moving picture, those that need networks with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ..host.accelerated import RunningHost
from ..host.locations import pack_module
from . import sampling
from .session import Session

MARGIN = 96  # pixels that the picture moves at most
NETWORK_FRAMES, PAIR = 16, 2  # enough to see what a frame takes; what flow needs
LINES = {"method": "local contrast", "thickness": 1.0, "detail": 0.5, "strength": 1.0}
DIS = {"method": "dis", "check": True}
RAFT = {"method": "raft large", "iterations": 20}
TINY_RAFT = RAFT | {"iterations": 1}


def run(session: Session) -> None:
    """All rows."""
    host = sampling.begin(session)
    bench = Annotators(session, host)
    steady, dark = {"range": "steady", "invert": False}, {"polarity": "dark on white"}
    raft = TINY_RAFT if session.tiny else RAFT
    small = {"method": "depth anything v2 small", **steady}
    depth = {"method": "connected depth", "depth": bench.video.mean(-1, keepdim=True).expand_as(bench.video), **steady}
    rows: list[tuple[str, Callable[[], dict]]] = [
        ("gray", bench.of("VaceAnnotateGray", luma="official")),
        ("lines, local contrast", bench.of("VaceAnnotateLineart", method=LINES, **dark)),
        ("flow, DIS", bench.of("VaceAnnotateFlow", method=DIS, scale="official per frame")),
        ("depth, connected", bench.of("VaceAnnotateDepth", **depth)),
        ("mask tracked by optical flow", bench.of("VaceTrackMask", mask=bench.mask(), method=bench.TRACK)),
        ("flow, RAFT large", bench.of("VaceAnnotateFlow", write_raft, method=raft, scale="official per frame")),
        ("depth, Depth Anything V2 small", bench.of("VaceAnnotateDepth", write_depth_anything, 1, **small)),
    ]
    for what, work in rows:
        session.try_row(what, work)


class Annotators:
    """A clip, and the nodes that look at it.

    Attributes:
        video: [T, H, W, 3].
    """

    TRACK = {"method": "optical flow", "refine_edges": True, "edge_band": 5}

    def __init__(self, session: Session, host: RunningHost) -> None:
        self._session, self._call = session, host.call
        self.video = moving_picture(*next(iter(sampling.shapes(session).values())))

    def mask(self) -> Tensor:
        """The middle of the first frame."""
        _, height, width, _ = self.video.shape
        mask = torch.zeros(1, height, width)
        mask[:, height // 4 : height * 3 // 4, width // 4 : width * 3 // 4] = 1
        return mask

    def of(
        self, node: str, write: Callable[[Path], None] | None = None, fewest: int = PAIR, **inputs: object
    ) -> Callable[[], dict]:
        """A node on the whole clip, or on some frames with a network whose file is written before.

        Args:
            node: Its id.
            write: Writes the file into the folder for annotators' files.
            fewest: Frames that the network is shown at small shapes.
            inputs: Beside the frames.
        """

        def work() -> dict:
            frames = self.video
            if write:
                frames = frames[: fewest if self._session.tiny else NETWORK_FRAMES]
                write(sampling.models_folder(self._session, "vace_annotators"))
                if not self._session.tiny:
                    self._call(node, frames=frames[:2], **inputs)  # the first call loads the network
            (result, *_), found = self._session.watched(lambda: self._call(node, frames=frames, **inputs))
            if not (len(result) == len(frames) and result.isfinite().all()):
                raise ValueError(f"{len(frames)} frames gave {tuple(result.shape)}, or numbers that are not finite")
            (seconds,) = found["seconds"]
            memory = {"peak": found["peak"], "before": found["before"]}
            return {"seconds": (seconds / len(frames),), "per": "frame", "note": f"{len(frames)} frames", **memory}

        return work


def moving_picture(width: int, height: int, frames: int) -> Tensor:
    """A smooth random picture that moves by one pixel down and two to the right a frame, [T, H, W, 3]."""
    generator = torch.Generator().manual_seed(1)
    small = torch.rand(1, 3, height // 16 + 2, width // 16 + 2, generator=generator)
    size = height + MARGIN, width + 2 * MARGIN
    large = nn.functional.interpolate(small, size, mode="bicubic").clamp(0, 1)[0].movedim(0, -1)
    moved = [large[t : t + height, 2 * t : 2 * t + width] for t in range(frames)]
    return torch.stack(moved).contiguous()


def write_raft(folder: Path) -> None:
    """RAFT large with the weights that torchvision begins training with."""
    from torchvision.models.optical_flow import raft_large

    _save(raft_large(weights=None), folder.parent / "optical_flow" / "raft_large.safetensors")


def write_depth_anything(folder: Path) -> None:
    """Depth Anything V2 small with random weights, by the names of transformers."""
    networks = pack_module("annotators.depth.networks")
    torch.manual_seed(6)
    network = networks.depth_anything_network(networks.SMALL, "cpu")
    for weight in network.parameters():
        if weight.ndim > 1:
            weight.normal_(std=weight[0].numel() ** -0.5)
    _save(network, folder / "depth_anything_v2_vits.safetensors")


def _save(network: nn.Module, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, path)
