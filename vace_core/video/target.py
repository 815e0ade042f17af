"""What a video is to become: its size, its length, and what happens when the shape differs."""

from dataclasses import dataclass, replace

from ..notes import tell
from .grid import SIZE_MULTIPLE, snap_size


@dataclass(frozen=True)
class Target:
    """What is to come out; 0 follows what is connected.

    Attributes:
        width: Columns.
        height: Rows.
        length: Frames.
        fit: One of `vace_core.video.FITS`.
    """

    width: int = 0
    height: int = 0
    length: int = 0
    fit: str = "cover"

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.height, self.width

    def resolve_size(self, height: int, width: int) -> "Target":
        """The target with both sides set: what is asked, else the source's shape, in multiples of 16.

        It is told when the size had to be changed.

        Args:
            height: Rows of the source.
            width: Columns of the source.
        """
        rows = self.height or (height if not self.width else round(height * self.width / width))
        columns = self.width or (width if not self.height else round(width * self.height / height))
        snapped = replace(self, width=snap_size(columns), height=snap_size(rows))
        if snapped.size != (rows, columns):
            tell(
                "size-snapped",
                f"Size {columns} x {rows} becomes {snapped.width} x {snapped.height}: "
                f"the model needs multiples of {SIZE_MULTIPLE}.",
            )
        return snapped


AS_CONNECTED = Target()
