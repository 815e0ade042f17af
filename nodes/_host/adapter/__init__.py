"""The context adapter on any Wan model, through the host's own extension points.

`files` reads its tensors, `quantised` says their layers and precision in the host's words, `model` builds it, and
`attach` puts it on a clone of the base: `conds` hands it the VCUs of a prompt, `blocks` run in each model call,
`estimate` counts them in memory, `hooks` follow the base's, and `first_call` names NaN at the first step. `lora`
patches the weights of both by one file. `whole_models` looks at files that the host's own loaders will read.
It imports the host, this layer's `conditioning`, `files`, `models` and `strength`, and the core's `adapter`, `strength`
and `video`.

The base is never edited. An adapter is an additional model of the MODEL, so the host loads and counts it; VCUs reach a
model call by the host's own conditioning keys; and block replacements last for one call, whose state lives in an object
of that call. Hooks are brought into the adapter's weights as a model call begins, so it does not matter who loaded,
unloaded or shared it before. The host patches hooks only out of dynamic VRAM; an adapter follows its base there, one
copy for all clones. The VCUs are embedded in every call: that is under 0.1 % of a step at any real size, so keeping the
result over steps would hold memory and save nothing measurable.
"""

from .attach import attach
from .files import OPENERS, adapter_files, adapter_path, adapter_state
from .lora import hook_lora, lora_files, lora_state, with_lora
from .model import load_adapter
from .whole_models import require_loadable, require_wan_text_encoder

__all__ = [
    "OPENERS",
    "adapter_files",
    "adapter_path",
    "adapter_state",
    "attach",
    "hook_lora",
    "load_adapter",
    "lora_files",
    "lora_state",
    "require_loadable",
    "require_wan_text_encoder",
    "with_lora",
]
