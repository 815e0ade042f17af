"""Files of the host: its folders, and weights that are read without running anything.

A name that a user chose goes in; a path inside the host's folders, names of tensors, or one tensor come out.
It imports the host, nothing of this layer, and of the core its errors and `files` alone.
"""

from .examples import place_examples
from .folders import OUTPUT_MARK, file_to_load, files_to_load, is_below, new_output_file, path_state, stays_inside
from .gguf import open_gguf
from .weights import (
    CONFIG,
    INDEX_END,
    PICKLES,
    SAFETENSORS,
    WHOLE,
    WeightFile,
    find_index,
    open_parts,
    open_pickle,
    open_safetensors,
    read_tensors,
)

__all__ = [
    "CONFIG",
    "INDEX_END",
    "OUTPUT_MARK",
    "PICKLES",
    "SAFETENSORS",
    "WHOLE",
    "WeightFile",
    "file_to_load",
    "files_to_load",
    "find_index",
    "is_below",
    "new_output_file",
    "open_gguf",
    "open_parts",
    "open_pickle",
    "open_safetensors",
    "path_state",
    "place_examples",
    "read_tensors",
    "stays_inside",
]
