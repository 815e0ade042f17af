"""VCU files in the host's folders, through safetensors only.

A `Vcu` goes out to a file, or comes back from one; nothing in a file can run.
It imports the host, this layer's `files`, and the core's `vcu`.
"""

from .storage import file_problem, file_state, load_vcu, save_vcu, vcu_files

__all__ = ["file_problem", "file_state", "load_vcu", "save_vcu", "vcu_files"]
