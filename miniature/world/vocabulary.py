"""The world's words, as the training of an adapter takes them for a base of the miniature's kind."""

from torch import Tensor

from ...training.vocabulary import Vocabulary
from .scenes import LENGTH, SIZE
from .words import CAPTION_LENGTH, TEXT_DIM, token_ids, word_vectors


def encode_caption(caption: str) -> Tensor:
    """[1, CAPTION_LENGTH, TEXT_DIM].

    Raises:
        UnknownWordError: If a word is unknown, or there are too many.
    """
    return word_vectors([token_ids(caption)])


VOCABULARY = Vocabulary(TEXT_DIM, CAPTION_LENGTH, encode_caption, (SIZE, SIZE, LENGTH))
