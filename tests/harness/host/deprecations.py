"""What the host or a library calls deprecated, and this pack calls all the same.

The one who is meant is whoever called the file that complains: a warning or a line in the log that speaks of
deprecation, from code that our code called itself. What the host calls on our behalf is the host's. This module stands
alone, for the development nodes load it into servers by its path.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[3]
OURS = tuple(ROOT / name for name in ("__init__.py", "nodes", "vace_core", "annotators", "cluster", "migration"))
LINKED = ("custom_nodes", "wan-vace")  # as the host sees the pack
SIGN = re.compile("deprecat", re.IGNORECASE)
CATEGORIES = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
PASSES_ON = re.compile(r"[/\\](typing_extensions|functools|contextlib|warnings)\.py$|[/\\]logging[/\\]")  # decorators
MARK = "The pack calls what is deprecated:"
# Who wrote a script that asks for an old part of the front end is not said; no other pack is in our base directories.
LEGACY = "deprecated legacy API"


class CallsDeprecatedWarning(UserWarning):
    """A server told that the pack calls what is deprecated; an error in the tests."""


@contextlib.contextmanager
def listening() -> Iterator[list[str]]:
    """Within, a list grows by a line for each deprecated thing that the pack calls in this process."""
    found: list[str] = []
    end = _begin(found.append)
    try:
        yield found
    finally:
        end()


def listen_from_now_on() -> None:
    """Write a line with `MARK` into the log of this process for each of them, until it ends."""
    warnings.filterwarnings("default", category=DeprecationWarning, module=r".*wan.vace")  # silent by default
    _begin(lambda line: logging.error("%s %s", MARK, line))


def in_log(text: str) -> list[str]:
    """The lines of a server's log that tell of them."""
    return [line.strip() for line in text.splitlines() if MARK in line or LEGACY in line]


def _begin(tell: Callable[[str], None]) -> Callable[[], None]:
    """Hear warnings and the log; gives what ends it."""
    handler, before, root = _Handler(tell), warnings.showwarning, logging.getLogger()

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: object) -> None:
        meant = issubclass(category, CATEGORIES) or SIGN.search(str(message))
        if meant and (place := _place(filename, lineno)):
            tell(f"{place}: {category.__name__}: {message}")
        before(message, category, filename, lineno, *rest)

    def end() -> None:
        root.removeHandler(handler)
        warnings.showwarning = before

    warnings.showwarning = show  # a module may put its own here, by Python's documentation
    root.addHandler(handler)
    return end


class _Handler(logging.Handler):
    """Hears every line of the log."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self.tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if SIGN.search(text) and not text.startswith(MARK) and (place := _place(record.pathname, record.lineno)):
            self.tell(f"{place}: {text}")


def _place(filename: str, lineno: int) -> str | None:
    """Where the pack is, if it is meant by what the line of a file says; None if somebody else is."""
    if _is_ours(filename):
        return f"{_named(filename)}:{lineno}"
    caller = _caller_of(filename)
    return f"{_named(caller.f_code.co_filename)}:{caller.f_lineno}" if caller else None


def _caller_of(filename: str) -> FrameType | None:
    """Our frame that called the file, if it complains of its own behalf and we called it."""
    frame = sys._getframe()
    while frame and (frame.f_code.co_filename == __file__ or PASSES_ON.search(frame.f_code.co_filename)):
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename != filename:  # it complains of a caller, and that is not us
        return None
    while frame and (frame.f_code.co_filename == filename or PASSES_ON.search(frame.f_code.co_filename)):
        frame = frame.f_back
    return frame if frame and _is_ours(frame.f_code.co_filename) else None


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    linked = LINKED in zip(path.parts, path.parts[1:], strict=False)
    return linked or any(path.is_relative_to(place) for place in OURS)


def _named(filename: str) -> str:
    path = Path(filename)
    if path.is_relative_to(ROOT):
        return path.relative_to(ROOT).as_posix()
    return "/".join(path.parts[path.parts.index(LINKED[1]) + 1 :])
