"""A VACE graph of WanVideoWrapper, with its own names of nodes, inputs and widgets, in both formats."""

import copy

import pytest

from harness.inputs.wrapper_graph import node, wrapper_prompt
from harness.structure.schema import load as schema
from wan_vace.migration.command import MigrationError, migrate
from wan_vace.migration.shapes import SHAPES
from wan_vace.migration.wrapper_inputs import INPUTS


def by_kind(data):
    found = {}
    for node_id, one in data.items():
        found.setdefault(one["class_type"], []).append((node_id, one["inputs"]))
    return found


def test_every_node_of_the_usual_graph_becomes_ours_or_comfyuis():
    data = wrapper_prompt()
    report = migrate(data)
    kinds = by_kind(data)
    assert not [kind for kind in kinds if kind.startswith(("WanVideo", "LoadWanVideo"))]
    assert data["15"] == wrapper_prompt()["15"] and data["13"]["class_type"] == "VaceDecodeLatent"
    (model,), (module,), (applied,), (lora,) = (
        kinds[kind] for kind in ("UNETLoader", "VaceLoadAdapter", "VaceApplyAdapter", "VaceLoadLora")
    )
    assert model[1] == {"unet_name": "Wan2_1-T2V-14B_fp8_e4m3fn.safetensors", "weight_dtype": "fp8_e4m3fn"}
    assert module[1] == {"adapter_name": "Wan2_1-VACE_module_14B_bf16.safetensors"}
    assert applied[1] == {"model": [model[0], 0], "adapter": [module[0], 0]}
    assert lora[1] == {"model": [applied[0], 0], "lora_name": "causvid.safetensors", "strength": 0.5}
    ((limit, limited),) = kinds["VaceSetStrength"]
    assert limited == {"model": [lora[0], 0], "steps": "0:1, 40%:1, 40%:0", "vcu": 1}
    ((sampler, sampled),) = kinds["VaceSampleContext"]
    (one, first), (two, second) = kinds["VaceApplyContext"]
    assert (first["strength"], second["strength"]) == (0.8, 1.0)
    assert (second["positive"], second["negative"]) == ([one, 0], [one, 1])
    assert sampled == {
        "latent": [two, 2], "model": [limit, 0], "positive": [two, 0], "negative": [two, 1], "seed": 42,
        "settings": "custom", "settings.steps": 8, "settings.cfg": 1.0, "settings.shift": 8.0,
        "settings.sampler": "official unipc", "settings.scheduler": "official",
    }  # fmt: skip
    assert data["13"]["inputs"] == {"samples": [sampler, 0], "vae": [kinds["VAELoader"][0][0], 0]}
    texts = [inputs["text"] for _, inputs in kinds["CLIPTextEncode"]]
    assert texts == ["a fox", "blurred"] and "cache_args of WanVideoSampler is left out." in report.differs
    assert len(report.done) == 1 and not report.left


def test_frames_masks_and_references_are_what_they_were():
    data = wrapper_prompt()
    migrate(data)
    first, second = (inputs for _, inputs in by_kind(data)["VaceBuildVcu"])
    sizes = {"width": 832, "height": 480, "length": 81, "fit": "stretch"}
    assert first == {
        "control_video": ["8", 0], "control_masks": ["9", 1], "references.reference_image_0": ["9", 0], **sizes,
        "inside_mask": "control", "soft_mask": True,
    }  # fmt: skip
    assert second == {"control_video": ["8", 0], **sizes}
    edges = [inputs.get("mask_edges") for _, inputs in by_kind(data)["VaceEncodeVcu"]]
    assert edges == ["soft", None]


def with_pictures(**changes):
    data = wrapper_prompt()
    data["20"] = node(
        "WanVideoVACEStartToEndFrame", num_frames=81, empty_frame_level=0.5, start_image=["9", 0], end_image=["9", 0],
        **{"start_index": 0, "end_index": -1} | changes,
    )  # fmt: skip
    data["10"]["inputs"] |= {"input_frames": ["20", 0], "input_masks": ["20", 1]}
    return data


def test_start_and_end_pictures_become_key_frames():
    data = with_pictures(control_images=["8", 0])
    migrate(data)
    ((_, placed),) = by_kind(data)["VacePlaceKeyframes"]
    assert placed == {
        "images.image_0": ["9", 0], "images.image_1": ["9", 0], "control_video": ["8", 0], "positions": "first, last",
        "width": 832, "height": 480, "length": 81, "fit": "stretch", "references.reference_image_0": ["9", 0],
    }  # fmt: skip
    assert "20" not in data


def test_pictures_may_be_resized_on_their_way():
    data = with_pictures(end_index=-5)
    data["21"] = node("ImageScale", image=["9", 0], upscale_method="lanczos", width=832, height=480, crop="center")
    data["20"]["inputs"]["end_image"] = ["21", 0]
    migrate(data)
    ((_, placed),) = by_kind(data)["VacePlaceKeyframes"]
    assert (placed["images.image_1"], placed["positions"]) == (["21", 0], "first, -5")


BATCH = "start_image and end_image must be single pictures; for a batch use VACE Extend Video or VACE Bridge Videos"


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (
            {"start_image": ["8", 0]},
            rf"{BATCH}\. start_image of WanVideoVACEStartToEndFrame does not come from LoadImage",
        ),
        ({"end_image": ["8", 0]}, rf"{BATCH}\. end_image"),
        ({"start_index": ["8", 0]}, "start_index of WanVideoVACEStartToEndFrame is wired"),
        ({"num_frames": 49}, "num_frames of WanVideoVACEStartToEndFrame and of WanVideoVACEEncode are not the same"),
        ({"num_frames": ["8", 0]}, "num_frames of WanVideoVACEStartToEndFrame and of WanVideoVACEEncode are not"),
    ],
)
def test_batches_at_the_ends_are_named_and_nothing_is_changed(inputs, reason):
    data = with_pictures()
    data["20"]["inputs"] |= inputs
    before = copy.deepcopy(data)
    with pytest.raises(MigrationError, match=reason):
        migrate(data)
    assert data == before


def changed(node_id, **inputs):
    data = wrapper_prompt()
    data[node_id]["inputs"] |= inputs
    return data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (changed("12", samples=["8", 0]), "samples of WanVideoSampler has no counterpart"),
        (changed("12", start_step=4), "runs a part of the steps"),
        (changed("2", model="wan.gguf"), "a GGUF file"),
        (changed("2", lora=["8", 0]), "lora comes from LoadVideo, where WanVideoLoraSelect is understood"),
        (changed("15", latent=["12", 1]), "another node than WanVideoDecode takes the samples"),
        (with_pictures(inpaint_mask=["9", 1]), "inpaint_mask of WanVideoVACEStartToEndFrame has no counterpart"),
        (changed("10", vace_end_percent=["8", 0]), "vace_end_percent of WanVideoVACEEncode is wired"),
        (changed("11", input_frames=0, input_masks=["9", 1]), "input_masks without input_frames"),
    ],
)
def test_what_has_no_counterpart_is_named_and_nothing_is_changed(data, reason):
    before = copy.deepcopy(data)
    with pytest.raises(MigrationError, match=reason):
        migrate(data)
    assert data == before


READ = [(node_id, one["class_type"]) for node_id, one in with_pictures().items() if one["class_type"] in INPUTS]


def test_every_class_that_is_read_is_in_the_graph_of_the_tests():
    assert {kind for _, kind in READ} == set(INPUTS)


@pytest.mark.parametrize(("node_id", "kind"), READ)
@pytest.mark.parametrize("value", [["8", 0], 3])
def test_an_input_that_is_not_known_is_named_at_every_node(node_id, kind, value):
    data = with_pictures()
    data[node_id]["inputs"]["of_a_later_version"] = value
    with pytest.raises(MigrationError, match=rf"of_a_later_version( \(3\))? of {kind} has no counterpart"):
        migrate(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            changed("12", unianimate_poses=["8", 0], fantasytalking_embeds=["8", 0], riflex_freq_index=6),
            r"riflex_freq_index \(6\), unianimate_poses, fantasytalking_embeds of WanVideoSampler have no counterpart",
        ),
        (changed("12", riflex_freq_index=["8", 0]), "riflex_freq_index of WanVideoSampler has no"),
        (changed("12", cfg=["8", 0]), "cfg of WanVideoSampler is wired. Type its value into the node"),
        (changed("12", shift=["8", 0]), "shift of WanVideoSampler is wired"),
        (changed("12", scheduler=["8", 0]), "scheduler of WanVideoSampler is wired"),
        (changed("10", strength=["8", 0]), "strength of WanVideoVACEEncode is wired"),
        (changed("4", strength=["8", 0]), "strength of WanVideoLoraSelect is wired"),
        (changed("4", blocks=["8", 0]), "blocks of WanVideoLoraSelect has no counterpart"),
        (changed("2", multitalk_model=["8", 0]), "multitalk_model of WanVideoModelLoader has no counterpart"),
        (changed("13", normalization="minmax"), r"normalization \(minmax\) of WanVideoDecode has no counterpart"),
        (changed("7", positive_prompt="a fox | a wolf"), "positive_prompt of WanVideoTextEncode is several prompts"),
        (changed("7", positive_prompt="[1] a fox [2] a wolf"), "positive_prompt of WanVideoTextEncode is several"),
    ],
)
def test_what_would_be_lost_is_named_and_nothing_is_changed(data, reason):
    before = copy.deepcopy(data)
    with pytest.raises(MigrationError, match=reason):
        migrate(data)
    assert data == before


def test_what_only_says_how_it_is_computed_is_left_out_and_told():
    data = changed("2", compile_args=["8", 0], attention_mode="sageattn", quantization="fp8_e4m3fn_scaled")
    data["12"]["inputs"] |= {"seed": ["8", 0], "steps": ["8", 0], "batched_cfg": True, "rope_function": "comfy"}
    report = migrate(data)
    told = "\n".join(report.differs)
    assert "compile_args of WanVideoModelLoader is left out." in report.differs
    assert (
        "attention_mode sageattn is left out" in told and "quantization fp8_e4m3fn_scaled is left to the file" in told
    )
    ((_, sampled),) = by_kind(data)["VaceSampleContext"]
    assert sampled["seed"] == sampled["settings.steps"] == ["8", 0]


def test_other_solvers_are_told():
    data = changed("12", scheduler="dpm++_sde/beta")
    report = migrate(data)
    ((_, sampled),) = by_kind(data)["VaceSampleContext"]
    assert (sampled["settings.sampler"], sampled["settings.scheduler"]) == ("official unipc", "beta")
    assert [line for line in report.differs if line.startswith("The scheduler dpm++_sde/beta has no exact")]


def graph(named=True, data=None, unnamed=()):
    """The same in the browser's form, as a front end saves it: sockets name their widgets, but those of ``unnamed``."""
    data = data or wrapper_prompt()
    links, nodes = [], []
    for node_id, one in data.items():
        sockets, values = [], []
        for name, value in one["inputs"].items():
            if isinstance(value, list):
                links.append([len(links) + 1, int(value[0]), value[1], int(node_id), len(sockets), "*"])
                sockets.append({"name": name, "type": "*", "link": len(links)})
            else:
                values += [value, "fixed"] if name == "seed" else [value]
                if named and node_id not in unnamed:
                    sockets.append({"name": name, "type": "*", "widget": {"name": name}, "link": None})
        shown = {"id": int(node_id), "type": one["class_type"], "pos": [0, 0], "size": [200, 100], "mode": 0}
        nodes.append({**shown, "inputs": sockets, "outputs": [], "widgets_values": values})
    for one in nodes:
        slots = [link for link in links if link[1] == one["id"]]
        count = max((link[2] for link in slots), default=-1) + 1
        one["outputs"] = [{"name": "", "type": "*", "links": [k[0] for k in slots if k[2] == i]} for i in range(count)]
    return {"last_node_id": 15, "last_link_id": len(links), "nodes": nodes, "links": links, "extra": {}}


def test_in_the_browsers_form_it_is_the_same_graph():
    data, expected = graph(), wrapper_prompt()
    migrate(data)
    migrate(expected)
    kinds = sorted(one["type"] for one in data["nodes"])
    assert kinds == sorted(one["class_type"] for one in expected.values())
    nodes = {one["id"]: one for one in data["nodes"]}
    for link_id, source, slot, target, socket, _ in data["links"]:
        assert link_id in nodes[source]["outputs"][slot]["links"]
        assert nodes[target]["inputs"][socket]["link"] == link_id
    wires = sorted(
        (nodes[source]["type"], slot, nodes[target]["type"], nodes[target]["inputs"][socket]["name"])
        for _, source, slot, target, socket, _ in data["links"]
    )
    assert wires == sorted(
        (expected[value[0]]["class_type"], value[1], one["class_type"], name)
        for one in expected.values()
        for name, value in one["inputs"].items()
        if isinstance(value, list)
    )
    (sampler,) = (one for one in data["nodes"] if one["type"] == "VaceSampleContext")
    assert sampler["widgets_values"] == [
        42, "fixed", "custom", 8, 1.0, 8.0, "official unipc", "official", 1.0, 0.875,
    ]  # fmt: skip


def test_a_file_whose_values_have_no_names_is_left_alone_and_says_so():
    data = graph(named=False)
    before = copy.deepcopy(data)
    with pytest.raises(MigrationError, match=r"have no names in this file\. Open it in ComfyUI and save it again"):
        migrate(data)
    assert data == before


def test_places_without_names_are_not_taken_for_the_first_and_the_last_frame():
    data = graph(data=with_pictures(start_index=40), unnamed=["20"])
    before = copy.deepcopy(data)
    with pytest.raises(MigrationError, match=r"values of node 20 \(WanVideoVACEStartToEndFrame\) have no names"):
        migrate(data)
    assert data == before
    data = graph(data=with_pictures(start_index=40))
    migrate(data)
    (placed,) = (one for one in data["nodes"] if one["type"] == "VacePlaceKeyframes")
    assert "40, last" in placed["widgets_values"]


@pytest.mark.parametrize("kind", sorted(kind for kind in SHAPES if kind.startswith("Vace")))
def test_shapes_are_those_of_the_nodes(kind):
    described, shape = schema()[kind], SHAPES[kind]
    assert shape.title == described["name"]
    assert [name for name, _ in shape.outputs] == [one["name"] for one in described["outputs"]][: len(shape.outputs)]
    inputs = {one["name"]: one for one in described["inputs"] if one["type"] != "COMFY_AUTOGROW_V3"}
    plain = {one.name: one for one in shape.inputs if one.name in inputs}
    assert plain.keys() == inputs.keys()
    for name, one in plain.items():
        assert (one.kind, one.optional) == (inputs[name]["type"], inputs[name]["optional"])
        if one.is_widget and one.default not in ("", "custom"):
            assert one.default == inputs[name]["default"]
