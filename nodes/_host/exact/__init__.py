"""Keeping what is kept, in a VIDEO that is decoded as it is saved.

A VIDEO goes in and another comes out, in which each frame is pasted or stitched when somebody reads it.
It imports the host, this layer's `video`, and the core's `exact` and `vcu`.
"""

from .kept_video import paste_later, stitch_later

__all__ = ["paste_later", "stitch_later"]
