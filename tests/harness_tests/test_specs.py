"""What a node shows, worked out from its description."""

import pytest

from harness.browser import specs

NUMBER = ["INT", {"default": 1, "min": 0, "max": 8, "step": 2}]
PICTURE = ["IMAGE", {}]


def combo(*options):
    """A dynamic combo whose options a, b, ... have these inputs."""
    offered = [{"key": key, "inputs": {"required": inputs}} for key, inputs in zip("abc", options, strict=False)]
    return ["COMFY_DYNAMICCOMBO_V3", {"options": offered}]


def growing(least):
    return [
        "COMFY_AUTOGROW_V3",
        {"template": {"input": {"required": {"x": PICTURE}}, "prefix": "p", "min": least, "max": 4}},
    ]


def names(inputs, turn=0, grown=False):
    return [socket.name for socket in specs.sockets(inputs, turn, grown=grown)]


def test_a_dynamic_combo_shows_the_inputs_of_its_option():
    inputs = {"required": {"how": combo({"n": NUMBER}, {"inner": combo({}, {"picture": PICTURE})})}}
    assert names(inputs, 0) == ["how", "how.n"]
    assert names(inputs, 1) == ["how", "how.inner", "how.inner.picture"]
    assert specs.turns(inputs) == 2


@pytest.mark.parametrize(("least", "shown"), [(0, 1), (2, 2)])
def test_a_growing_group_shows_what_it_needs_and_at_least_one_socket(least, shown):
    inputs = {"optional": {"many": growing(least)}}
    assert names(inputs) == [f"many.p{i}" for i in range(shown)]
    assert names(inputs, grown=True) == [f"many.p{i}" for i in range(4)]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (({"p": PICTURE}, {}), ["how"]),
        (({}, {"p": PICTURE}), []),
        (({"p": PICTURE, "n": NUMBER}, {}), []),
        (({}, {"inner": combo({"p": PICTURE})}), ["how.inner"]),
        (({"many": growing(0)},), ["how"]),
    ],
)
def test_a_first_option_of_sockets_alone_is_found(options, found):
    assert specs.unplaceable({"required": {"how": combo(*options)}}) == found


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ({"how": combo({"n": NUMBER}, {}), "many": growing(0)}, ["how"]),
        ({"many": growing(0), "how": combo({"n": NUMBER}, {})}, ["how"]),
        ({"how": combo({}, {"n": NUMBER}), "many": growing(0)}, []),
        ({"how": combo({"n": NUMBER}, {}), "one": PICTURE}, []),
    ],
)
def test_a_combo_that_costs_wires_is_found(inputs, found):
    assert specs.forgetful({"required": inputs}) == found


def test_values_end_with_one_that_is_not_the_default():
    socket = specs.Socket("s", "COMBO", {}, ("a", "b", "c"))
    assert [socket.values(turn)[-1] for turn in range(4)] == ["a", "b", "c", "a"]
    assert sorted(socket.values(1)) == ["a", "b", "c"]
    assert [specs.Socket("s", *NUMBER).values(turn) for turn in (0, 3)] == [[3], [0]]
    assert specs.Socket("s", "BOOLEAN", {"default": True}).values(0) == [False]


def test_the_simplest_node_without_files_gives_a_type():
    plain = {"input": {"required": {"n": NUMBER}}, "output": ["MODEL", "IMAGE"]}
    load = {"input": {"required": {"file": ["COMBO", {"image_upload": True}]}}, "output": ["IMAGE"]}
    assert specs.sources({"Load": load, "Plain": plain}) == {"MODEL": ("Plain", 0), "IMAGE": ("Plain", 1)}
