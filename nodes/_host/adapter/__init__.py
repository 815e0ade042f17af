"""The context adapter on any Wan model, through the host's own extension points.

`files` reads its tensors, `model` builds it, `attach` puts it on a clone of the base; hooks and LoRAs follow.
It imports the host, `files`, `conditioning`, `strength` and the core's `adapter`.
"""

from .attach import attach, is_attached, set_strength_field
from .files import OPENERS, adapter_files, adapter_path
from .lora import lora_files, with_lora
from .model import ADAPTER_KEY, load_adapter

__all__ = [
    "ADAPTER_KEY",
    "OPENERS",
    "adapter_files",
    "adapter_path",
    "attach",
    "is_attached",
    "load_adapter",
    "lora_files",
    "set_strength_field",
    "with_lora",
]
