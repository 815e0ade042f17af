"""Networks in TensorFlow Lite files, run by torch: on any device, under the host's care like every other network.

A file goes through `flatbuffer` into the plain data of `graph`, and from there into the layers of `network`.
It imports the core, torch, numpy and einops. Files come from users: whatever is in one, reading it ends soon, stays
within bounds, runs nothing, and says in a sentence what is wrong.
"""

from .network import load_tflite

__all__ = ["load_tflite"]
