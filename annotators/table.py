"""The annotators that work without weights, by signal: what a signal is made with when nothing else is chosen."""

from .flow import Flow
from .lines import Gray, LocalContrastLines
from .protocol import Annotator

ANNOTATORS: dict[str, type[Annotator]] = {
    "flow": Flow,
    "gray": Gray,
    "lineart": LocalContrastLines,
}
