"""The binary form of TensorFlow Lite files, read field by field within the file's own length."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

OFFSET = 4  # bytes of an offset, and of a list's length
MOST_ITEMS = 20_000  # tables in a list


@dataclass(frozen=True)
class FlatTable:
    """A table of a flatbuffer: fields by number, each there or left out.

    Source: the description of the format at flatbuffers.dev. A table begins with the way back to a list of where its
    fields are; texts, lists and other tables lie elsewhere, at an offset from where the field is.

    Every method raises `ValueError` if the file leads beyond its own end.

    Attributes:
        data: The file.
        place: Where the table is in it.
    """

    data: bytes
    place: int

    @classmethod
    def root(cls, data: bytes) -> "FlatTable":
        """The file's first table."""
        return cls(data, _number(data, 0, "I"))

    def number(self, field: int, form: str, default: int = 0) -> int:
        """A field's number, in the form of `struct`."""
        place = self._field(field)
        return default if place is None else _number(self.data, place, form)

    def table(self, field: int) -> "FlatTable | None":
        """Another table; None if it is left out."""
        place = self._elsewhere(field)
        return None if place is None else FlatTable(self.data, place)

    def tables(self, field: int) -> list["FlatTable"]:
        """A list of tables; empty if it is left out."""
        return [FlatTable(self.data, place) for place in self._places(field)]

    def numbers(self, field: int, dtype: type) -> np.ndarray:
        """A list of numbers; empty if it is left out. It shares the file's memory and cannot be written to."""
        place = self._elsewhere(field)
        if place is None:
            return np.zeros(0, dtype)
        count = _number(self.data, place, "I")
        _require(self.data, place + OFFSET, count * np.dtype(dtype).itemsize)
        return np.frombuffer(self.data, np.dtype(dtype).newbyteorder("<"), count, place + OFFSET)

    def raw(self, field: int, most: int) -> bytes:
        """Bytes, of which there are at most so many; empty if they are left out."""
        held = self.numbers(field, np.uint8)
        if len(held) > most:
            raise ValueError(f"it holds {len(held)} bytes where at most {most} can be")
        return held.tobytes()

    def text(self, field: int, most: int) -> str:
        """A text of at most so many bytes; empty if it is left out."""
        return self.raw(field, most).decode("utf-8", "replace")

    def _field(self, field: int) -> int | None:
        known = self.place - _number(self.data, self.place, "i")
        at = 4 + 2 * field
        if at >= _number(self.data, known, "H"):
            return None
        step = _number(self.data, known + at, "H")
        return self.place + step if step else None

    def _elsewhere(self, field: int) -> int | None:
        place = self._field(field)
        return None if place is None else place + _number(self.data, place, "I")

    def _places(self, field: int) -> Iterator[int]:
        place = self._elsewhere(field)
        if place is None:
            return
        count = _number(self.data, place, "I")
        if count > MOST_ITEMS:
            raise ValueError(f"it lists {count} things where at most {MOST_ITEMS} can be")
        for item in range(place + OFFSET, place + OFFSET * (count + 1), OFFSET):
            yield item + _number(self.data, item, "I")


def _number(data: bytes, place: int, form: str) -> int:
    _require(data, place, struct.calcsize(form))
    return struct.unpack_from(f"<{form}", data, place)[0]


def _require(data: bytes, place: int, size: int) -> None:
    if place < 0 or place + size > len(data):
        raise ValueError("it leads beyond its own end")
