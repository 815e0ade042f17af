"""Whether those who are given frames a few at a time hold any while the next are made."""

import weakref
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor


def watched(parts: Iterable[Tensor], held: list[int]) -> Iterator[Tensor]:
    """The same parts, each in memory of its own.

    Args:
        parts: Of any shape.
        held: Is given, each time that the next part is asked for, how many of those before are still in memory.
    """
    given: list[weakref.ref[np.ndarray]] = []
    for part in parts:
        memory = part.numpy(force=True).copy()
        given.append(weakref.ref(memory))
        own = torch.from_numpy(memory)
        del memory
        yield own
        del own
        held.append(sum(each() is not None for each in given))
