"""Icon and banner of the registry: frames of a film, some kept and some made, as VACE Preview VCU colours them."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from ..host.locations import ROOT

FOLDER = ROOT / "docs"
ICON, BANNER = FOLDER / "icon.png", FOLDER / "banner.png"
ICON_SIZE, BANNER_SIZE = (400, 400), (1680, 720)  # the registry's: square up to 400, and 21 : 9
FINE = 4  # drawn that much larger
GROUND, FRAME, KEPT, MADE, LIGHT = "#16181d", "#262a33", "#3fb37f", "#8b74e8", "#f2f3f5"
NAME, LINE = "Wan VACE", "Control, masks, references and extension for Wan2.1-VACE"


def icon() -> Image.Image:
    """Three frames on a dark tile: one kept, two made, with what moves through them."""
    image, draw = _canvas(ICON_SIZE)
    draw.rounded_rectangle(_fine(0, 0, 400, 400), 84 * FINE, GROUND)
    for i, colour in enumerate((KEPT, MADE, MADE)):
        _frame(draw, (44 + 108 * i, 92, 96, 152), colour, (i + 1) / 4)
    draw.rounded_rectangle(_fine(44, 284, 140, 308), 12 * FINE, KEPT)
    draw.rounded_rectangle(_fine(152, 284, 356, 308), 12 * FINE, MADE)
    return image.resize(ICON_SIZE, Image.Resampling.LANCZOS)


def banner() -> Image.Image:
    """The name, what it does, and a film of nine frames whose ends are kept."""
    image, draw = _canvas(BANNER_SIZE)
    draw.rectangle(_fine(0, 0, *BANNER_SIZE), GROUND)
    draw.text((100 * FINE, 84 * FINE), NAME, LIGHT, ImageFont.load_default(120 * FINE))
    draw.text((104 * FINE, 238 * FINE), LINE, "#a9afbb", ImageFont.load_default(44 * FINE))
    frames = 9
    for i in range(frames):
        _frame(draw, (100 + 166 * i, 376, 152, 180), _colour(i, frames), (i + 1) / (frames + 1))
        draw.rounded_rectangle(_fine(100 + 166 * i, 592, 252 + 166 * i, 612), 10 * FINE, _colour(i, frames))
    return image.resize(BANNER_SIZE, Image.Resampling.LANCZOS)


def draw_both() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for image, file in ((icon(), ICON), (banner(), BANNER)):
        image.save(file, optimize=True)


def _canvas(size: tuple[int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", (size[0] * FINE, size[1] * FINE))
    return image, ImageDraw.Draw(image)


def _colour(i: int, frames: int) -> str:
    return KEPT if i in (0, 1, frames - 1) else MADE


def _fine(*sides: float) -> tuple[float, ...]:
    return tuple(side * FINE for side in sides)


def _frame(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], colour: str, time: float) -> None:
    """A frame of a film with a disc that rises from left to right."""
    x, y, width, height = box
    draw.rounded_rectangle(_fine(x, y, x + width, y + height), 14 * FINE, FRAME, colour, 6 * FINE)
    radius, centre = 0.2 * width, (x + width * (0.2 + 0.6 * time), y + height * (0.78 - 0.56 * time))
    draw.ellipse(_fine(*(c - radius for c in centre), *(c + radius for c in centre)), colour)


if __name__ == "__main__":
    draw_both()
