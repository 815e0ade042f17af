"""VACE in miniature: a world of moving shapes, networks trained on it, and measures of what they can do.

It is the evidence that every task of this pack works from the VCU to the pixels, and no part of the release. Data flows
from `world` (clips and their truth) through `networks` and `train` into ``weights/``, and from there into `quality`.
It uses the pack's own VCU code, the training in training/, and ComfyUI's own model classes.
"""
