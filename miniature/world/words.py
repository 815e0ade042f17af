"""The closed vocabulary of the world's captions, and their vectors."""

import torch
from torch import Tensor

COLOURS = {
    "red": (0.86, 0.12, 0.12),
    "green": (0.12, 0.66, 0.18),
    "blue": (0.14, 0.27, 0.90),
    "yellow": (0.95, 0.86, 0.12),
    "pink": (0.95, 0.40, 0.78),
    "cyan": (0.12, 0.82, 0.85),
}
PLACES = {
    "sand": (0.72, 0.60, 0.42),
    "stone": (0.46, 0.46, 0.50),
    "night": (0.10, 0.09, 0.20),
    "snow": (0.88, 0.90, 0.94),
}
SHAPES = ("circle", "square", "triangle")
FIGURE = "figure"
MOTIONS = {"stays": (0, 0), "left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}

GRAMMAR = ("a", "moves", "walks", "in", "front", "of", "over")
WORDS = (*GRAMMAR, *COLOURS, *SHAPES, FIGURE, *MOTIONS, *PLACES)
IGNORED = frozenset(("the", "an", "and", "that", "to", "is"))
CAPTION_LENGTH = 16  # tokens of a caption; the rest is empty
NUM_WORDS = 48  # room for the words above; 0 stands for no word
TEXT_DIM = NUM_WORDS + CAPTION_LENGTH
GAIN = 4.0  # so that a vector of two ones among 64 numbers has a variance near 1


class UnknownWordError(ValueError):
    """A prompt with words that are not of this world."""


def token_ids(text: str) -> list[int]:
    """The numbers of a caption's words, at most `CAPTION_LENGTH`; 0 is no word.

    Raises:
        UnknownWordError: If a word is unknown, or there are too many.
    """
    words = text.lower().replace(",", " ").replace(".", " ").split()
    words = [word for word in words if word not in IGNORED]
    if unknown := [word for word in words if word not in WORDS]:
        raise UnknownWordError(
            f"The miniature does not know {', '.join(sorted(set(unknown)))}. It knows: {', '.join(WORDS)}."
        )
    if len(words) > CAPTION_LENGTH:
        raise UnknownWordError(
            f"The miniature reads {CAPTION_LENGTH} words, the prompt has {len(words)}. Leave some out."
        )
    return [WORDS.index(word) + 1 for word in words]


def without_colour(caption: str) -> str:
    """A caption that does not say which colour anything has."""
    return " ".join(word for word in caption.split() if word not in COLOURS)


def word_vectors(ids: list[list[int]] | Tensor) -> Tensor:
    """[B, CAPTION_LENGTH, TEXT_DIM]: which word, and at which place; the network learns the rest.

    Args:
        ids: Numbers of words for each caption, as of `token_ids`; shorter ones are filled with no word. A table of
            them has `CAPTION_LENGTH` columns.
    """
    if isinstance(ids, Tensor):
        table = ids.long()
    else:
        table = torch.zeros(len(ids), CAPTION_LENGTH, dtype=torch.long)
        for row, numbers in zip(table, ids, strict=True):
            row[: len(numbers)] = torch.as_tensor(numbers)
    word = torch.nn.functional.one_hot(table, NUM_WORDS)
    place = torch.eye(CAPTION_LENGTH).expand(len(ids), -1, -1)
    return GAIN * torch.cat([word, place], dim=2)
