"""The base class of the nodes, which makes the inputs complete and usable before ``execute`` begins."""

import functools
from collections.abc import Callable

from comfy_api.latest import io

from ._inputs import read_inputs


class VaceNode(io.ComfyNode):
    """A node whose ``execute`` gets every input of its schema, by name.

    An input that a prompt leaves out has the default of the schema, which is written nowhere else. What the host lets
    through and no node can use is refused before ``execute`` begins: an empty wire, a text instead of a video, a number
    out of range on a wire, a misspelt name (see `read_inputs`).
    """

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        for name, wrap in (("define_schema", _complete), ("execute", _read_first)):
            method = vars(cls).get(name)
            # The host copies a class for each run; the methods of a copy are wrapped already.
            if method is not None and not hasattr(method.__func__, "__wrapped__"):
                setattr(cls, name, classmethod(wrap(method.__func__)))


def _complete(define_schema: Callable) -> Callable:
    """Ask the host for what all nodes of the pack want.

    It hands over unknown inputs, which it drops otherwise, so that a misspelt one can be refused. And it shows the
    picture of a node again that had not to run: of one that asks whether a page is there to draw for.
    """

    @functools.wraps(define_schema)
    def define(cls: type[VaceNode]) -> io.Schema:
        schema = define_schema(cls)
        schema.accept_all_inputs = True
        schema.has_intermediate_output = io.Hidden.extra_pnginfo in (schema.hidden or ())
        return schema

    return define


def _read_first(execute: Callable) -> Callable:
    @functools.wraps(execute)
    def run(cls: type[VaceNode], **given: object) -> io.NodeOutput:
        return execute(cls, **read_inputs(cls.define_schema().inputs, given))

    return run
