"""What a prompt gives a node, made complete and checked: one node with an input of each kind."""

import math

import pytest
import torch

pytestmark = pytest.mark.host

FRAMES = torch.zeros(1, 8, 8, 3)


@pytest.fixture(scope="module")
def read(host_nodes):
    """Read a prompt with the sockets below."""
    import sys

    from comfy_api.latest import io

    node = host_nodes["VaceBuildVcu"]
    read_inputs = sys.modules[node.__module__.rpartition(".vcu.")[0] + "._inputs"].read_inputs
    option = io.DynamicCombo.Option
    group = io.Autogrow.TemplatePrefix(io.Image.Input("picture"), prefix="picture_", min=1, max=3)
    sockets = [
        io.MultiType.Input("video", types=[io.Image, io.Video]),
        io.Autogrow.Input("pictures", template=group),
        io.DynamicCombo.Input("by", options=[option("share", [io.Float.Input("part", min=0.0, max=1.0)])]),
        io.Vae.Input("vae", optional=True, raw_link=True),
        io.Mask.Input("mask", optional=True),
        io.Int.Input("length", default=81, min=1, max=99, optional=True),
        io.String.Input("boxes", default="all", optional=True),
        io.Combo.Input("fit", options=["cover", "contain"], default="cover", optional=True),
        io.Boolean.Input("inner", default=True, optional=True),
        io.DynamicCombo.Input(
            "settings",
            options=[option("usual", []), option("own", [io.Int.Input("steps", default=25, optional=True)])],
            optional=True,
        ),
    ]
    usual = {"video": FRAMES, "pictures": {"picture_0": FRAMES}, "by": {"by": "share", "part": 0.5}}
    return lambda **given: read_inputs(sockets, usual | given)


def test_what_is_left_out_has_its_default(read):
    values = read()
    assert list(values)[:3] == ["video", "pictures", "by"] and values["by"] == {"by": "share", "part": 0.5}
    rest = {"vae": None, "mask": None, "length": 81, "boxes": "all", "fit": "cover", "inner": True}
    assert {name: values[name] for name in rest} == rest and values["settings"] == {"settings": "usual"}
    assert read(settings={"settings": "own", "steps": None})["settings"] == {"settings": "own", "steps": 25}


def test_null_is_left_out_where_that_is_possible(read):
    values = read(length=None, mask=None, settings=None, pictures={"picture_0": FRAMES, "picture_2": None})
    assert values["length"] == 81 and values["settings"] == {"settings": "usual"}
    assert values["pictures"] == {"picture_0": FRAMES}


def test_what_is_given_arrives_as_it_is(read):
    given = {"length": 5, "boxes": "", "fit": "contain", "inner": False, "vae": ["4", 0], "mask": FRAMES[..., 0]}
    values = read(**given)
    assert all(values[name] is value for name, value in given.items())


def test_keys_of_other_packs_are_passed_over(read):
    assert read(speak_and_recognition=[True, False]).keys() == read().keys()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"video": None}, r"video is empty; it must be IMAGE or VIDEO\. Connect an output of that type\."),
        ({"video": "clip.mp4"}, r"video is clip\.mp4; it must be IMAGE or VIDEO"),
        ({"mask": {"a": 1}}, r"mask is \{'a': 1\}; it must be MASK"),
        ({"vae": 5}, r"vae is 5; it must be VAE"),
        ({"pictures": None}, r"pictures has 0 of at least 1 inputs\. Connect picture_0\."),
        ({"pictures": {"picture_0": None}}, r"pictures\.picture_0 is empty; it must be IMAGE"),
        (
            {"pictures": FRAMES},
            r"pictures is of type Tensor; it is a group of inputs\. Connect pictures\.picture_0 and",
        ),
        ({"by": None}, r"by is empty; it must be one of share\. Choose one\."),
        ({"by": "corner"}, r"by is corner; it must be one of share"),
        ({"by": {"by": "share"}}, r"by\.part is empty; it must be a number from 0 to 1"),
        ({"settings": "fast"}, r"settings is fast; it must be one of usual, own"),
        ({"settings.steps": 5}, r"settings\.steps is no input of the chosen settings\. Leave it out, or choose"),
        (
            {"settings": {"settings": "own", "step": 5}},
            r"settings\.step is no input of this node\. Write settings\.steps",
        ),
        ({"steps": 5}, r"steps is no input of this node\. Write settings\.steps, or leave it out\."),
        ({"picture": FRAMES}, r"picture is no input of this node\. Write pictures\.picture_0, or leave it out\."),
        ({"length_of_video": 5}, r"length_of_video is no input of this node\. Write length, or leave it out\."),
        ({"pictures.picture_3": FRAMES}, r"pictures\.picture_3 is no input\. pictures has .* picture_0 to picture_2"),
        ({"lenght": 5}, r"lenght is no input of this node\. Write length, or leave it out\."),
        ({"length": 100}, r"length is 100; it must be a number from 1 to 99\. Change it\."),
        ({"length": math.nan}, r"length is nan; it must be a number"),
        ({"boxes": "None"}, r'boxes is the text "None", which ComfyUI also makes of null\. Leave it empty'),
        ({"boxes": 5}, r"boxes is 5; it must be a text"),
        ({"fit": "crop"}, r"fit is crop; it must be one of cover, contain"),
    ],
)
def test_what_no_node_can_use_is_refused_with_a_sentence(read, given, message):
    with pytest.raises(ValueError, match=f"^{message}") as refusal:
        read(**given)
    assert type(refusal.value).__name__ == "VaceInputError"
