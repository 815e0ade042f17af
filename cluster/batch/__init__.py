"""A batch: what is to be made, by a table, and what became of it.

A table and a workflow go in (`table.py`, `workflow.py`); `planning.py` makes a job of each row and a finding of each
bad cell, by `catalog.py` and `cells.py`; `cut.py` divides a job in two; `manifest.py`, `database.py`, `schema.py` and
`store.py` keep it on disk. It imports of this layer its errors alone, and knows nothing of Ray.
"""

from .catalog import Catalog
from .cut import with_vcus
from .manifest import Manifest
from .planning import SEEDS, Job, Planner
from .schema import CANCELLED, CANCELLING, DONE, FAILED, RUNNING, WAITING
from .store import ARRIVED, Files, Store, copy_whole, sha256_of, take_whole, write_whole
from .table import Row, read_table
from .workflow import Prompt, copy_of, read_workflow, title_of

__all__ = [
    "ARRIVED",
    "CANCELLED",
    "CANCELLING",
    "DONE",
    "FAILED",
    "RUNNING",
    "SEEDS",
    "WAITING",
    "Catalog",
    "Files",
    "Job",
    "Manifest",
    "Planner",
    "Prompt",
    "Row",
    "Store",
    "copy_of",
    "copy_whole",
    "read_table",
    "read_workflow",
    "sha256_of",
    "take_whole",
    "title_of",
    "with_vcus",
    "write_whole",
]
