"""Pictures of every editor at work on a clip, as help pages and README show them: taken in the page, never by hand."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from ..host.locations import ROOT
from ..host.server import ComfyServer
from .browser import chromium, require_chromium
from .canvas import Canvas

FOLDER = ROOT / "web" / "docs" / "img"
VIEW = {"width": 1000, "height": 1000}
QUALITY = 90
EDGE = 6  # pixels around an editor
FILES = {
    "clip": ("LoadVideo", {"file": "boy_and_dog.mp4"}, (-400, 0)),
    "car": ("LoadVideo", {"file": "car.mp4"}, (-400, 500)),
    "dancer": ("LoadVideo", {"file": "dancer.mp4"}, (-400, 0)),
    "first": ("LoadImage", {"image": "first.png"}, (-400, 0)),
    "middle": ("LoadImage", {"image": "portrait.png"}, (-400, 500)),
    "last": ("LoadImage", {"image": "last.png"}, (-400, 900)),
}
BOXES, STRENGTH = "Draw boxes", "Draw the strength"
DOG = "197,209,309,344 214,203,326,338@17 239,208,346,347"


@dataclass(frozen=True)
class Shot:
    """One editor, as it is seen.

    Attributes:
        node: Its node's id.
        values: Of the node's inputs, in the order they are set.
        wires: From which of `FILES`, to which input.
        opener: Title of the button that opens it; empty where it is open by itself.
        when: The frame that is shown, as a part of the clip.
        chosen: A pixel of the frame that is clicked.
        masks: Whether its mask goes into VACE Inpaint Video, which has the clip.
    """

    node: str
    values: dict[str, object] = field(default_factory=dict)
    wires: tuple[tuple[str, str], ...] = ()
    opener: str = ""
    when: float | None = None
    chosen: tuple[float, float] | None = None
    masks: bool = False


CLIP = (("clip", "video"),)
SHOTS = {
    "box_mask": Shot(
        "VaceDrawBoxMask",
        {"boxes": "boy: 52,62,219,335\ndog: 210,217,322,340", "length": 33, "width": 352, "height": 352},
        CLIP,
        chosen=(266, 280),
        masks=True,
    ),
    "inpaint_boxes": Shot("VaceInpaintVideo", {"boxes": DOG}, CLIP, BOXES, 0.44, (270, 280)),
    "curved_path": Shot(
        "VaceInpaintVideo",
        {"boxes": "curved 18,210,88,315 105,35,175,140 210,210,280,315 262,18,332,123"},
        CLIP,
        BOXES,
        0.0,
        (50, 260),
    ),
    "layout": Shot(
        "VaceDrawLayout",
        {
            "boxes": "cat#ff8c1a: 50,216,216,442 460,216,626,442 600,40,766,266\n2: 316,50,432,192",
            "length": 81,
            "width": 832,
            "height": 480,
        },
        when=0.25,
        chosen=(330, 320),
    ),
    "move": Shot(
        "VaceMakeAnything",
        {"combination": "move", "combination.boxes": "dog: 218,218,324,341 70,218,176,341", "length": 80},
        (("first", "combination.picture"),),
        when=0.0,
        chosen=(270, 300),
    ),
    "outpaint": Shot(
        "VaceOutpaintVideo",
        {"by": "pixels", "by.left": 85, "by.right": 301, "by.top": 40, "by.bottom": 10},
        CLIP,
    ),
    "extend": Shot("VaceExtendVideo", {"after": 48}, CLIP),
    "bridge": Shot("VaceBridgeVideos", {}, (("clip", "first"), ("car", "second"))),
    "loop": Shot("VaceLoopVideo", {}, CLIP),
    "interpolate": Shot("VaceInterpolateFrames", {"between": 3}, CLIP),
    "keyframes": Shot(
        "VacePlaceKeyframes",
        {"positions": "first, 30x5, last"},
        (("first", "images.image_0"), ("middle", "images.image_1"), ("last", "images.image_2")),
    ),
    "strength": Shot("VaceSetStrength", {"steps": "0%:1, 45%:1, 70%:0.35, 100%:0"}, opener=STRENGTH),
}


def draw_editors(names: list[str]) -> list[Path]:
    """Take the pictures of the named editors, or of all.

    Args:
        names: Keys of `SHOTS`.

    Returns:
        What was written.
    """
    require_chromium()
    chosen = {name: SHOTS[name] for name in names or SHOTS}
    with ComfyServer(cpu=True) as server, chromium() as browser:
        page = browser.new_page(viewport=VIEW, device_scale_factor=1.5)
        with contextlib.closing(page):
            canvas = Canvas(page, server.url)
            canvas.set_mode("Nodes 2.0")
            return [_take(canvas, name, shot) for name, shot in chosen.items()]


def _take(canvas: Canvas, name: str, shot: Shot) -> Path:
    nodes = {one: FILES[one] for one, _ in shot.wires} | {"editor": (shot.node, shot.values, (60, 0))}
    wires = [(one, 0, "inpaint" if shot.masks else "editor", socket) for one, socket in shot.wires]
    if shot.masks:
        nodes["inpaint"] = ("VaceInpaintVideo", {}, (900, 0))
        wires.append(("editor", 0, "inpaint", "mask"))
    node = canvas.build(nodes, wires)["editor"]
    if shot.opener:
        canvas.click(node, shot.opener)
    canvas.call("look", node)
    canvas.page.wait_for_timeout(2500)  # clips and small pictures arrive
    canvas.call("look", node)
    if shot.when is not None:
        canvas.page.mouse.click(*canvas.point(node, shot.when, 0.5, ".wan-vace-time canvas"))
    if shot.chosen:
        canvas.page.mouse.click(*canvas.on_frame(node, *shot.chosen))
    canvas.page.mouse.move(5, 5)
    canvas.frames(4)
    left, top, width, height = canvas.call("rectangle", node, ".wan-vace-editor")
    seen = canvas.page.screenshot(
        clip={"x": left - EDGE, "y": top - EDGE, "width": width + 2 * EDGE, "height": height + 2 * EDGE}
    )
    file = FOLDER / f"{name}.jpg"
    Image.open(io.BytesIO(seen)).convert("RGB").save(file, quality=QUALITY)
    return file
