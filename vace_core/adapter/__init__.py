"""Names of the context adapter's weights, in every file layout that is in circulation.

The names of a file go in; the layers of an adapter come out, or a sentence that says which file is needed.
It imports nothing but the errors.
"""

from .checkpoints import refuse_checkpoint
from .keys import AdapterShape, adapter_metadata, adapter_names, adapter_shape, layer_mapping

__all__ = ["AdapterShape", "adapter_metadata", "adapter_names", "adapter_shape", "layer_mapping", "refuse_checkpoint"]
