"""One file that no reader should trust, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SENTENCE, READ = "a sentence", "read"


@dataclass(frozen=True)
class Case:
    """One thing to be read.

    Attributes:
        reader: What reads it, a heading of the table.
        kind: What is wrong with it.
        write: Writes it into an empty folder, and gives what the reader takes.
        read: Reads it.
        expected: `SENTENCE`, or `READ` where nothing can be told from an honest file.
        says: What the sentence has in it.
        megapixels: Of all pictures that it truly holds, for which it may take its time.
    """

    reader: str
    kind: str
    write: Callable[[Path], object]
    read: Callable[[object], object]
    expected: str = SENTENCE
    says: str = ""
    megapixels: float = 0.0
