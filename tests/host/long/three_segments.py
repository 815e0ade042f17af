"""A film of 13 frames in three segments, as the inputs of the nodes."""

SETTINGS = {"settings": "custom", "steps": 2, "cfg": 1.0, "shift": 5.0, "sampler": "euler", "scheduler": "simple"}
# 13 frames in three segments of 5 that share one.
DEFAULTS = {
    "prompts": "a boy and his dog",
    "negative_prompt": "",
    "seed": 5,
    "settings": SETTINGS,
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
BUILD = {"references": {}, "width": 48, "height": 32, "length": 0, "fit": "cover", "soft_mask": False}
