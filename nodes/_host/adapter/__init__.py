"""The context adapter on any Wan model, through the host's own extension points.

`files` reads its tensors, `model` builds it, `attach` puts it on a clone of the base: `conds` hands it the VCUs of a
prompt, `blocks` run in each model call, `estimate` counts them in memory, and `hooks` follow the base's. `lora` patches
its own weights.
It imports the host, this layer's `conditioning`, `files`, `models` and `strength`, and the core's `adapter`, `strength`
and `video`.
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
