"""Words that a base reads without a text encoder."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Vocabulary:
    """A closed vocabulary, in the place of a text encoder.

    Attributes:
        text_dim: Width of its vectors; a base that reads this width has this vocabulary.
        num_tokens: Of every caption.
        encode: Gives a caption as [1, num_tokens, text_dim]; raises ValueError for words that it does not know.
        size: Width, height and frames of the clips that its base is made for.
    """

    text_dim: int
    num_tokens: int
    encode: Callable[[str], Tensor]
    size: tuple[int, int, int]
