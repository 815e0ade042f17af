"""Fields that do not matter as the others stand are hidden; their values go nowhere."""

import pytest

from harness.inputs.hidden_fields import HIDDEN

SOURCES = {
    "video": ("EmptyImage", 0),
    "frames": ("EmptyImage", 0),
    "image": ("EmptyImage", 0),
    "picture": ("EmptyImage", 0),
    "control": ("EmptyImage", 0),
    "control_video": ("EmptyImage", 0),
    "reference_image_0": ("EmptyImage", 0),
    "mask": ("SolidMask", 0),
    "control_masks": ("SolidMask", 0),
    "vcu": ("VaceBuildVcu", 0),
    "steps_curve": ("PrimitiveFloat", 0),
    "low_noise_model": ("VaceLoadModels", 0),
    "pose_keypoints": ("SDPoseKeypointExtractor", 0),
}
CHOICES = [  # by which fields come and go
    ("VaceAnnotateLineart", "method", ["local contrast", "scribble", "local contrast"]),
    ("VaceAugmentMask", "mode", ["hull", "hull_expand", "hull"]),
]
ONLY_HERE = [
    ("VaceSampleVcu", {}, (), {"boundary"}),
    ("VaceSampleVcu", {"settings": "lightx2v LoRA (4 steps)"}, ("low_noise_model",), {"negative_prompt"}),
    ("VaceSampleVcu", {"settings": "custom", "settings.cfg": 1}, (), {"negative_prompt", "boundary"}),
    ("VaceSampleContext", {}, (), {"boundary"}),
    ("VaceSampleLongVideo", {"settings": "custom"}, ("low_noise_model",), set()),
    ("VaceSetContextWindows", {}, (), {"closed_loop"}),
    ("VaceSetContextWindows", {"schedule": "looped_uniform"}, (), set()),
    ("VaceSetStrength", {}, ("steps_curve",), {"steps"}),
    ("VaceSetStrength", {"steps": "1, 0"}, ("steps_curve",), set()),
    ("VaceDrawPose", {}, ("pose_keypoints",), {"pose_json"}),
    ("VaceBuildLongVcu", {}, (), {"inside_mask", "soft_mask"}),
]
CASES = [(case.node_id, case.values, case.wired, set(case.fields)) for case in HIDDEN] + ONLY_HERE


def placed(canvas, node_id, values, wired):
    sources = {name: SOURCES[name.rpartition(".")[2]] for name in wired}
    nodes = {name: (kind, {}, (0, 200 * k)) for k, (name, (kind, _)) in enumerate(sources.items())}
    wires = [(name, output, "one", name) for name, (_, output) in sources.items()]
    return canvas.build({**nodes, "one": (node_id, values, (420, 0))}, wires)["one"]


def hidden(canvas, node):
    return set(canvas.call("hidden", node))


@pytest.mark.parametrize("mode", ["classic"], indirect=True)
def test_what_does_not_matter_is_hidden(canvas):
    for node_id, values, wired, names in CASES:
        node = placed(canvas, node_id, values, wired)
        assert hidden(canvas, node) == names, (node_id, values, wired)


def test_fields_come_and_go_with_choices_and_wires(canvas):
    node = placed(canvas, "VaceInpaintVideo", {}, ())
    canvas.call("showAdvanced", node)
    assert not {"unit", "augment_seed", "easing", "soft_mask"} & set(canvas.call("onScreen", node))
    canvas.call("set", node, "augment", "hull_expand")
    assert "augment_seed" in canvas.call("onScreen", node)
    canvas.call("set", node, "augment", "hull")
    assert "augment_seed" not in canvas.call("onScreen", node)
    node = placed(canvas, "VaceInpaintVideo", {}, ("mask",))
    assert "soft_mask" not in hidden(canvas, node)
    canvas.call("unplug", node, "mask")
    assert "soft_mask" in hidden(canvas, node)


def test_values_stay_and_prompts_do_not_change(canvas):
    node = placed(canvas, "VaceInpaintVideo", {"augment": "bbox_expand", "augment_seed": 77, "easing": "ease in"}, ())
    canvas.call("set", node, "augment", "original")
    assert {"augment_seed", "easing"} <= hidden(canvas, node)
    kept = canvas.call("prompt")[str(node)]["inputs"]
    assert (kept["augment_seed"], kept["easing"]) == (77, "ease in")
    canvas.call("reload")
    assert canvas.call("prompt")[str(node)]["inputs"] == kept
    assert {"augment_seed", "easing"} <= hidden(canvas, node)
    copy = canvas.call("copy", node)
    assert canvas.call("prompt")[str(copy)]["inputs"] == kept


def test_undo_shows_a_field_again(canvas):
    node = placed(canvas, "VaceInpaintVideo", {"augment": "bbox_expand"}, ())
    canvas.call("showAdvanced", node)
    canvas.call("commit")
    canvas.call("set", node, "augment", "original")
    canvas.call("commit")
    assert "augment_seed" not in canvas.call("onScreen", node)
    canvas.undo()
    canvas.call("showAdvanced", node)
    assert canvas.value(node, "augment") == "bbox_expand"
    assert "augment_seed" in canvas.call("onScreen", node)
    canvas.redo()
    canvas.call("showAdvanced", node)
    assert "augment_seed" not in canvas.call("onScreen", node)


def test_a_field_that_goes_out_of_a_subgraph_can_be_used_there(canvas):
    node = placed(canvas, "VaceInpaintVideo", {"augment": "bbox_expand", "augment_seed": 7}, ())
    canvas.call("makeSubgraph", [node])
    outside = canvas.call("promote", "VaceInpaintVideo", "augment_seed")
    assert outside == {"hidden": False, "value": 7}
    canvas.call("setInside", "VaceInpaintVideo", "augment", "original")
    canvas.call("reload")
    assert canvas.call("promoted", "augment_seed") == {"hidden": False, "value": 7}


@pytest.mark.parametrize(("node_id", "name", "values"), CHOICES, ids=lambda one: one if isinstance(one, str) else "")
def test_a_choice_and_the_size_it_brings_are_one_step(canvas, node_id, name, values):
    node = canvas.build({"one": (node_id, {name: values[0]}, (0, 0))})["one"]
    canvas.call("reload")
    canvas.call("atRest")
    node = canvas.call("saved")["nodes"][0]["id"]
    canvas.call("commit")
    for value in values[1:]:
        canvas.call("choose", node, name, value)
        canvas.call("atRest")
    seen = []
    for step in (canvas.undo, canvas.undo, canvas.redo, canvas.redo):
        step()
        canvas.call("commit")  # as at each key and click of the user
        seen.append(canvas.value(node, name))
    assert seen == [values[k] for k in (1, 0, 1, 2)]
