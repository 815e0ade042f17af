"""A film of 13 frames in three segments, as the inputs of the nodes."""

from harness.inputs.long_film import INPUTS, settings

SETTINGS = settings(steps=2)
# 13 frames in three segments of 5 that share one.
DEFAULTS = INPUTS | {"prompts": "a boy and his dog", "settings": SETTINGS}
BUILD = {"references": {}, "width": 48, "height": 32, "length": 0, "fit": "cover", "soft_mask": False}
