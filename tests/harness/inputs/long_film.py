"""What VACE Sample Long Video is given for a small film, but for its prompts, settings and models."""

from __future__ import annotations

INPUTS = {
    "negative_prompt": "",
    "seed": 5,
    "segment_length": 5,
    "overlap": 1,
    "anchor": False,
    "match_colour": True,
    "drift_limit": 0.0,
    "keep_pixels": True,
    "redo": "",
    "strength": 1.0,
    "boundary": 0.875,
}


def settings(steps: int) -> dict[str, object]:
    """The inputs of the dynamic combo, for so many steps of euler."""
    named = {"settings": "custom", "sampler": "euler", "scheduler": "simple"}
    return named | {"steps": steps, "cfg": 1.0, "shift": 5.0}
