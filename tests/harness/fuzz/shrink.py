"""A failing prompt made small: fewer nodes, fewer inputs, shorter texts, while it fails in the same way."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping

from . import values
from .described import Node
from .graphs import DIGEST, ENDS, LEAVES, input_of, with_sources

MOST_TRIES = 150


def shrink(prompt: dict, fails: Callable[[dict], bool], nodes: Mapping[str, Node], tries: int = MOST_TRIES) -> dict:
    """The smallest prompt that was found.

    Args:
        prompt: API format; left as it is.
        fails: Whether a prompt still fails in the same way.
        nodes: Classes by id.
        tries: How often to ask at most.
    """
    smaller = True
    while smaller:
        smaller = False
        for candidate in candidates(prompt, nodes):
            if tries <= 0:
                return prompt
            tries -= 1
            if fails(candidate):
                prompt, smaller = candidate, True
                break
    return prompt


def candidates(prompt: dict, nodes: Mapping[str, Node]) -> Iterator[dict]:
    """Prompts that are a step smaller, the largest steps first."""
    yield from _without_nodes(prompt)
    own = [key for key in prompt if key not in ENDS]
    for key in own:
        for name in list(prompt[key]["inputs"]):
            one = input_of(nodes[prompt[key]["class_type"]], name) if prompt[key]["class_type"] in nodes else None
            yield from _smaller_input(prompt, key, name, one)


def _without_nodes(prompt: dict) -> Iterator[dict]:
    for key in list(prompt):
        if key in ENDS or prompt[key]["class_type"] == DIGEST:
            continue
        rest = copy.deepcopy({other: node for other, node in prompt.items() if other != key})
        for node in rest.values():
            node["inputs"] = {k: v for k, v in node["inputs"].items() if not (isinstance(v, list) and key in v[:1])}
        yield with_sources(rest)


def _smaller_input(prompt: dict, key: str, name: str, one: object) -> Iterator[dict]:
    value = prompt[key]["inputs"][name]
    wired = isinstance(value, list) and len(value) == 2 and value[0] in prompt
    if wired and one is not None:
        for leaf in (wire for kind in one.type.split(",") for wire in LEAVES.get(kind, ())[:1]):
            if value[0] not in ENDS:
                yield _with(prompt, key, name, leaf)
    if one is None or not values.is_costly(one):
        yield _with(prompt, key, name, None, drop=True)
    if isinstance(value, str) and len(value) > 1:
        half = len(value) // 2
        for shorter in (value[:half], value[half:], *(() if len(value) > 40 else (value[:-1], value[1:]))):
            yield _with(prompt, key, name, shorter)


def _with(prompt: dict, key: str, name: str, value: object, *, drop: bool = False) -> dict:
    result = copy.deepcopy(prompt)
    if drop:
        del result[key]["inputs"][name]
    else:
        result[key]["inputs"][name] = copy.deepcopy(value)
    return with_sources(result)
