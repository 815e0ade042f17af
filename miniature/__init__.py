"""VACE in miniature: a world of moving shapes, models that are trained on it, and the training of the adapter.

A development tool and not part of the release. It uses the pack's own VCU code and ComfyUI's own model classes.
"""
