"""What a prompt gives a node, made complete by its schema and checked, before the node works with it."""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real

from comfy_api.latest import io
from torch import Tensor

from ..vace_core.errors import VaceInputError

Given = Mapping[str, object]
JSON = str, int, float, list, dict  # what a prompt can hold in place of a wire
OF_NULL = "None"  # what the host makes of null in a text, which cannot be told from the word
MANY = 16  # choices, of which an error names half
ALIKE = 0.8  # of two names, one of which is probably a slip of the other


def read_inputs(sockets: Sequence[io.Input], given: Given) -> dict[str, object]:
    """The value of every input of a node.

    Args:
        sockets: Those of its schema.
        given: What the host hands over; it holds nothing, or None, of what is not connected or not set.

    Returns:
        A value for each socket: what is given, else its default. A growing group is a dict of what is connected, a
        dynamic combo a dict of its key and the inputs of that option.

    Raises:
        VaceInputError: If a required input is empty, a value cannot be used, or a name is probably misspelt.
    """
    values = _read_all(sockets, given, "")
    _refuse_slips(sockets, [name for name in given if name not in values])
    return values


def _read_all(sockets: Sequence[io.Input], given: Given, prefix: str) -> dict[str, object]:
    return {socket.id: _read(socket, given.get(socket.id), prefix + socket.id) for socket in sockets}


def _read(socket: io.Input, value: object, name: str) -> object:
    if isinstance(socket, io.Autogrow.Input):
        return _read_growing(socket, value, name)
    if isinstance(socket, io.DynamicCombo.Input):
        return _read_choice(socket, value, name)
    if value is None and socket.optional:
        return getattr(socket, "default", None)
    kinds = socket.get_io_type().split(",")
    if socket.rawLink:
        _require(value, _is_link(value), name, kinds)
    elif kinds[0] in WIDGETS and len(kinds) == 1:
        WIDGETS[kinds[0]](socket, value, name)
    else:
        _require(value, any(WIRES.get(kind, _is_no_json)(value) for kind in kinds), name, kinds)
    return value


def _require(value: object, fits: bool, name: str, kinds: Sequence[str]) -> None:
    if value is None or not fits:
        wanted = " or ".join(kinds)
        raise VaceInputError(f"{name} is {_shown(value)}; it must be {wanted}. Connect an output of that type.")


def _read_growing(socket: io.Autogrow.Input, value: object, name: str) -> dict[str, object]:
    template = socket.template
    least = template.names[: template.min]
    if value is not None and not isinstance(value, Mapping):
        raise VaceInputError(
            f"{name} is {_shown(value)}; it is a group of inputs. Connect {name}.{template.names[0]} and so on."
        )
    read = {
        key: _read(template.input, entry, f"{name}.{key}")
        for key, entry in (value or {}).items()
        if entry is not None or key in least
    }
    if len(read) < template.min:
        raise VaceInputError(f"{name} has {len(read)} of at least {template.min} inputs. Connect {', '.join(least)}.")
    return read


def _read_choice(socket: io.DynamicCombo.Input, value: object, name: str) -> dict[str, object]:
    options = {option.key: option.inputs for option in socket.options}
    inner = dict(value) if isinstance(value, Mapping) else {socket.id: value}
    key = inner.pop(socket.id, None)
    if key is None and socket.optional:
        key = next(iter(options))
    if not isinstance(key, str) or key not in options:
        raise VaceInputError(f"{name} is {_shown(key)}; it must be one of {_listed(options)}. Choose one.")
    read = _read_all(options[key], inner, f"{name}.")
    for unknown in (one for one in inner if one not in read):
        raise VaceInputError(_of_no_option(f"{name}.{unknown}", socket))
    return {socket.id: key, **read}


def _refuse_slips(sockets: Sequence[io.Input], unknown: Sequence[str]) -> None:
    """Refuse names that are no input but nearly one; others may be those of another pack's front end."""
    owners = {socket.id: socket for socket in sockets}
    known = _all_names(sockets)
    for name in unknown:
        owner = owners.get(name.partition(".")[0])
        if isinstance(owner, io.DynamicCombo.Input):
            raise VaceInputError(_of_no_option(name, owner))
        if isinstance(owner, io.Autogrow.Input):
            first, last = owner.template.names[0], owner.template.names[-1]
            raise VaceInputError(f"{name} is no input. {owner.id} has the inputs {first} to {last}. Use one of these.")
        if meant := _meant(name, known):
            raise VaceInputError(_instead(name, meant))


def _all_names(sockets: Sequence[io.Input]) -> list[str]:
    """Every name that a prompt may write, those of groups and options included."""
    names = []
    for socket in sockets:
        names.append(socket.id)
        if isinstance(socket, io.Autogrow.Input):
            names += [f"{socket.id}.{name}" for name in socket.template.names]
        elif isinstance(socket, io.DynamicCombo.Input):
            inner = (name for option in socket.options for name in _all_names(option.inputs))
            names += [f"{socket.id}.{name}" for name in inner]
    return names


def _meant(name: str, known: Sequence[str]) -> str | None:
    """The name that was probably meant: without its group, cut off, with more behind it, or with a letter wrong."""
    if name in known:
        return None
    last = name.rpartition(".")[2]
    by_end: dict[str, str] = {}
    for each in known:
        by_end.setdefault(each.rpartition(".")[2], each)
    cut = (end for end in by_end if end.startswith(f"{last}_") or last.startswith(f"{end}_"))
    close = difflib.get_close_matches(last, by_end, 1, ALIKE)
    found = last if last in by_end else next(cut, close[0] if close else None)
    return by_end.get(found)


def _of_no_option(name: str, owner: io.DynamicCombo.Input) -> str:
    if meant := _meant(name, _all_names([owner])):
        return _instead(name, meant)
    return f"{name} is no input of the chosen {owner.id}. Leave it out, or choose the {owner.id} that has it."


def _instead(name: str, meant: str) -> str:
    return f"{name} is no input of this node. Write {meant}, or leave it out."


def _check_number(socket: io.Input, value: object, name: str) -> None:
    least, most = (-math.inf if socket.min is None else socket.min), (math.inf if socket.max is None else socket.max)
    if not isinstance(value, Real) or not math.isfinite(value) or not least <= value <= most:
        raise VaceInputError(f"{name} is {_shown(value)}; it must be a number from {least:g} to {most:g}. Change it.")


def _check_text(socket: io.Input, value: object, name: str) -> None:
    if value == OF_NULL:
        raise VaceInputError(
            f'{name} is the text "{OF_NULL}", which ComfyUI also makes of null. Leave it empty, or out of the prompt.'
        )
    if not isinstance(value, str):
        raise VaceInputError(f"{name} is {_shown(value)}; it must be a text. Write or connect one.")


def _check_choice(socket: io.Input, value: object, name: str) -> None:
    """A list of files (required) may have grown since; its loader says what is missing."""
    if value is None or (socket.optional and value not in socket.options):
        raise VaceInputError(f"{name} is {_shown(value)}; it must be one of {_listed(socket.options)}. Choose one.")


def _check_switch(socket: io.Input, value: object, name: str) -> None:
    if value is None:
        raise VaceInputError(f"{name} is empty; it must be true or false. Choose one.")


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def _is_tensor(value: object) -> bool:
    return isinstance(value, Tensor)


def _is_video(value: object) -> bool:
    return hasattr(value, "get_components")


def _is_latent(value: object) -> bool:
    return isinstance(value, Mapping) and _is_no_json(value.get("samples"))


def _is_conditioning(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, list | tuple) and len(each) == 2 and isinstance(each[1], dict) for each in value
    )


def _is_no_json(value: object) -> bool:
    return value is not None and not isinstance(value, JSON)


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _is_anything(value: object) -> bool:
    return True


def _shown(value: object) -> str:
    """A value in an error: short, and nothing of what only Python knows."""
    if value is None:
        return "empty"
    if not isinstance(value, JSON):
        return f"of type {type(value).__name__}"
    text = f"{value:g}" if isinstance(value, float) else str(value) or "an empty text"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _listed(options: Iterable[str]) -> str:
    names = list(options)
    return ", ".join(names if len(names) <= MANY else [*names[: MANY // 2], f"and {len(names) - MANY // 2} more"])


WIDGETS: dict[str, Callable[[io.Input, object, str], None]] = {
    "INT": _check_number,
    "FLOAT": _check_number,
    "STRING": _check_text,
    "COMBO": _check_choice,
    "BOOLEAN": _check_switch,
}
# Types of the host whose values are known. Those of other packs may be lists and dicts, which their readers check.
WIRES: dict[str, Callable[[object], bool]] = {
    "IMAGE": _is_tensor,
    "MASK": _is_tensor,
    "SIGMAS": _is_tensor,
    "VIDEO": _is_video,
    "LATENT": _is_latent,
    "CONDITIONING": _is_conditioning,
    **dict.fromkeys(("DA3_GEOMETRY", "MOGE_GEOMETRY"), _is_dict),
    **dict.fromkeys(("POSE_KEYPOINT", "CURVE", "FLOAT", "FLOATS"), _is_anything),
}
