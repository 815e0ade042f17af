"""A cell of a table as a value of an input."""

from __future__ import annotations

import math
from collections.abc import Callable

from .catalog import Socket

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
SHOWN = 12  # choices in a sentence


class CellError(Exception):
    """Why a cell cannot be used, as a sentence."""


def read_cell(socket: Socket, cell: object) -> object:
    """What an input is given.

    Args:
        socket: The input.
        cell: Text, or what JSON and Parquet know.

    Raises:
        CellError: If it is of the wrong type, out of range or none of the choices.
    """
    readers: dict[str, Callable[[Socket, object], object]] = {
        "INT": _whole,
        "FLOAT": _number,
        "BOOLEAN": _switch,
        "STRING": _text,
    }
    if socket.kind in readers:
        return readers[socket.kind](socket, cell)
    return _choice(socket, cell)


def _whole(socket: Socket, cell: object) -> int:
    try:
        value = int(cell) if isinstance(cell, str) else cell
    except ValueError:
        value = None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise CellError(f"{cell!r} is no whole number.")
    return _in_range(socket, value)


def _number(socket: Socket, cell: object) -> float:
    try:
        value = float(cell) if isinstance(cell, str | int | float) and not isinstance(cell, bool) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise CellError(f"{cell!r} is no number.")
    return _in_range(socket, value)


def _in_range(socket: Socket, value: float) -> float:
    low, high = socket.options.get("min", -math.inf), socket.options.get("max", math.inf)
    if not low <= value <= high:
        raise CellError(f"{value} must be from {low} to {high}.")
    return value


def _switch(socket: Socket, cell: object) -> bool:
    text = str(cell).strip().lower()
    if text not in (*TRUE, *FALSE):
        raise CellError(f"{cell!r} must be true or false.")
    return text in TRUE


def _text(socket: Socket, cell: object) -> str:
    if isinstance(cell, dict | list):
        raise CellError(f"{cell!r} must be a text.")
    return str(cell)


def _choice(socket: Socket, cell: object) -> object:
    choices = socket.choices or ()
    found = next((each for each in choices if each == cell or str(each) == str(cell)), None)
    if found is None:
        more = f" and {len(choices) - SHOWN} more" if len(choices) > SHOWN else ""
        shown = ", ".join(str(each) for each in choices[:SHOWN]) or "none"
        raise CellError(f"{cell!r} is none of the choices: {shown}{more}.")
    return found
