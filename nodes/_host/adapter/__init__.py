"""The context adapter on any Wan model, through the host's own extension points.

`files` reads its tensors, `model` builds it, `attach` puts it on a clone of the base; hooks and LoRAs follow.
It imports the host, `conditioning`, `files`, `models`, `strength`, and the core's `adapter`, `strength` and `video`.
"""

from .attach import attach
from .files import OPENERS, adapter_files, adapter_path
from .lora import lora_files, with_lora
from .model import load_adapter

__all__ = [
    "OPENERS",
    "adapter_files",
    "adapter_path",
    "attach",
    "load_adapter",
    "lora_files",
    "with_lora",
]
