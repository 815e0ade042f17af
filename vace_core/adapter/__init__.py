"""Names of the context adapter's weights and of LoRAs for it, in every file layout that is in circulation.

The names and types of a file go in; the layers of an adapter or a LoRA come out, or a sentence that says which file is
needed. The text encoder's file is judged so too. It imports nothing but the errors.
"""

from .checkpoints import refuse_checkpoint
from .dora import dora_scale_shape
from .formats import FP8, QuantLayer, refuse_foreign, split_layers, values_shapes
from .keys import AdapterShape, adapter_metadata, adapter_names, adapter_shape, layer_mapping
from .lora_cores import without_cores
from .lora_layers import require_fit, require_whole_layers
from .lora_names import LoraNames, host_name, lora_names
from .text_encoders import require_text_encoder
from .whole_models import require_host_layout

__all__ = [
    "FP8",
    "AdapterShape",
    "LoraNames",
    "QuantLayer",
    "adapter_metadata",
    "adapter_names",
    "adapter_shape",
    "dora_scale_shape",
    "host_name",
    "layer_mapping",
    "lora_names",
    "refuse_checkpoint",
    "refuse_foreign",
    "require_fit",
    "require_host_layout",
    "require_text_encoder",
    "require_whole_layers",
    "split_layers",
    "values_shapes",
    "without_cores",
]
