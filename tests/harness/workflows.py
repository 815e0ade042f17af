"""Published workflows, turned into ones that small checkpoints can run: random ones, or the trained miniature."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .canvas.switch import as_run
from .host.locations import ROOT
from .miniature.tasks import DEFAULT, LOADERS, PREFIX, SAMPLING, SIZES, TASKS, Task
from .structure.schema import CUSTOM, with_own_numbers

API = ROOT / "example_workflows" / "api"


@dataclass(frozen=True)
class Files:
    """Checkpoints to run on.

    Attributes:
        merged: Of the diffusion model with VACE.
        plain: Of the same without.
        adapter: Of its VACE blocks alone.
        vae: Of the VAE.
        text: Development node that loads the text encoder.
    """

    merged: str
    plain: str
    adapter: str
    vae: str
    text: str


SMALL = Files(
    "small_wan_vace.safetensors",
    "small_wan_t2v.safetensors",
    "small_vace_adapter.safetensors",
    "small_wan_vae.safetensors",
    "DevLoadSmallTextEncoder",
)
MINIATURE = Files(
    "miniature_wan_vace.safetensors",
    "miniature_wan_t2v.safetensors",
    "miniature_vace_adapter.safetensors",
    "miniature_wan_vae.safetensors",
    "DevLoadMiniatureText",
)


def published(name: str) -> dict:
    """A workflow of example_workflows in API format."""
    return json.loads((API / f"{name}.json").read_text("utf-8"))


def small(prompt: dict, **reductions: int) -> dict:
    """The same workflow on the small checkpoints.

    UNETLoader takes the merged small model, or the plain one when some node of this pack loads an adapter
    file, which then becomes the small adapter. VAELoader takes the small VAE, and CLIPLoader gives way to the
    development node that loads the small text encoder. VaceLoadModels, which holds all three, becomes these three.

    Args:
        prompt: Workflow in API format; left as it is.
        reductions: Values such as ``width=128, length=17, steps=4``. Each replaces every number of that name
            in the workflow, also one left to its default, nested ones such as ``settings.steps`` too, also where the
            official settings are named; linked inputs stay linked.

    Returns:
        A new workflow in API format.
    """
    result = _with_single_loaders(with_own_numbers(prompt))
    _replace_loaders(result, SMALL)
    _reduce(result, reductions)
    return result


def miniature(prompt: dict, name: str = "", own_inputs: bool = False, **reductions: int) -> dict:
    """The same workflow on the miniature's checkpoints, in its world: 64 x 64 pixels, 17 frames, its words.

    Every node keeps its id. The official settings become ``custom`` with the miniature's numbers. VaceLoadModels
    becomes the development node that loads the miniature, other loaders of models take its files, Load Video and
    Load Image its clips and pictures, prompts become captions.

    Args:
        prompt: Workflow in API format; left as it is.
        name: Of the workflow, which says what it is to show; without one it is a red circle.
        own_inputs: Whether it keeps the clips and pictures that it was published with, and the values that suit them.
        reductions: As for `small`.

    Returns:
        A new workflow in API format.
    """
    result, task = with_own_numbers(prompt), TASKS.get(name, DEFAULT)
    if own_inputs:
        places = ("boxes", "points", "aspect")
        task = Task(task.prompt, values={k: v for k, v in task.values.items() if not k.endswith(places)})
    plain = _replace_loaders(result, MINIATURE)
    refused = {node["inputs"]["negative"][0] for node in result.values() if "negative" in node["inputs"]}
    files = iter(task.files)
    for node_id, node in result.items():
        if node["class_type"] == "VaceLoadModels":
            model = "text to video" if plain else "with VACE"
            node.update(class_type="DevLoadMiniature", inputs={"model": model}, _meta={"title": "Load Miniature"})
        elif node["class_type"] in LOADERS:
            if own_inputs:
                continue
            socket, usual = LOADERS[node["class_type"]]
            node["inputs"][socket] = PREFIX + next(files, usual)
        else:
            _set_values(node, task, "" if node_id in refused else task.prompt)
    _reduce(result, reductions)
    return result


def as_graph(graph: dict, prompt: dict) -> dict:
    """A workflow for the browser, changed as its API format was, and without its note, which tells of other files.

    Args:
        graph: As published, with the widgets of each node among its inputs; left as it is.
        prompt: What `miniature` made of the same workflow.
    """
    result = as_run(graph)
    result["nodes"] = [node for node in result["nodes"] if str(node["id"]) in prompt]
    for node in result["nodes"]:
        changed = prompt[str(node["id"])]
        if node["type"] != changed["class_type"]:
            node.update(type=changed["class_type"], inputs=[], title=changed["_meta"]["title"], properties={})
            node["inputs"] = [
                {"name": name, "type": "COMBO", "widget": {"name": name}, "link": None} for name in changed["inputs"]
            ]
            node["widgets_values"] = list(changed["inputs"].values())
        _show_own_numbers(node, changed["inputs"])
        shown = zip(widget_names(node), node.get("widgets_values", []), strict=True)
        node["widgets_values"] = [changed["inputs"].get(name, value) for name, value in shown]
    return result


def widget_names(node: dict) -> list[str]:
    """What each of a node's ``widgets_values`` in the browser's format is."""
    names = [socket["name"] for socket in node["inputs"] if "widget" in socket]
    if len(node.get("widgets_values", [])) > len(names):  # what becomes of the seed after a run is no input
        names.insert(names.index("seed") + 1, "control_after_generate")
    return names


def _show_own_numbers(node: dict, given: dict) -> None:
    """Give a node that shows settings by name the widgets of ``custom``, behind that of the name."""
    names = widget_names(node)
    if given.get("settings") != CUSTOM or "settings.steps" in names:
        return
    nested = [name for name in given if name.startswith("settings.")]
    place = next(i for i, socket in enumerate(node["inputs"]) if socket["name"] == "settings") + 1
    sockets = [{"name": name, "type": "*", "widget": {"name": name}, "link": None} for name in nested]
    node["inputs"][place:place] = sockets  # behind all that are wired, whose places the wires name
    place = names.index("settings") + 1
    node["widgets_values"][place:place] = [given[name] for name in nested]


def _set_values(node: dict, task: Task, prompt: str) -> None:
    """Give a node the task's own values, and the miniature's sampling, sizes and words."""
    usual = SAMPLING | SIZES | {"negative_prompt": ""} | dict.fromkeys(("text", "prompt", "prompts"), prompt)
    for name, value in node["inputs"].items():
        last = name.rpartition(".")[2]
        own = task.values.get(f"{node['class_type']}.{last}", task.values.get(last))
        if own is not None:
            node["inputs"][name] = own
        elif last == "filename_prefix":
            node["inputs"][name] = value.replace("wan_vace/", "miniature/")
        elif last in usual and isinstance(value, str) == isinstance(usual[last], str) and not isinstance(value, list):
            follows = last in SIZES and not value  # 0 is the size of what is connected
            node["inputs"][name] = value if follows else usual[last]


def _with_single_loaders(prompt: dict) -> dict:
    result = {}
    for node_id, node in prompt.items():
        if node["class_type"] != "VaceLoadModels":
            result[node_id] = node
            continue
        for output, loader in enumerate(("UNETLoader", "CLIPLoader", "VAELoader")):
            result[f"{node_id}_{output}"] = {"class_type": loader, "inputs": {}}
    for node in result.values():
        for name, value in node["inputs"].items():
            if isinstance(value, list) and f"{value[0]}_{value[1]}" in result:
                node["inputs"][name] = [f"{value[0]}_{value[1]}", 0]
    return result


def _replace_loaders(prompt: dict, files: Files) -> bool:
    """Let every loader of the host and of the pack take these files; whether some node loads an adapter."""
    plain = any(_adapter_inputs(node) for node in prompt.values())
    for node in prompt.values():
        inputs = node["inputs"]
        for name in _adapter_inputs(node):
            inputs[name] = files.adapter
        if node["class_type"] == "UNETLoader":
            inputs.update(unet_name=files.plain if plain else files.merged, weight_dtype="default")
        elif node["class_type"] == "VAELoader":
            inputs["vae_name"] = files.vae
        elif node["class_type"] == "CLIPLoader":
            node.update(class_type=files.text, inputs={})
    return plain


def _adapter_inputs(node: dict) -> list[str]:
    if not node["class_type"].startswith("Vace") or node["class_type"] in ("VaceLoadVcu", "VaceLoadModels"):
        return []
    return [k for k, v in node["inputs"].items() if isinstance(v, str) and v.endswith((".safetensors", ".pth"))]


def _reduce(prompt: dict, reductions: dict) -> None:
    for node in prompt.values():
        for name, value in node["inputs"].items():
            if isinstance(value, int | float):
                node["inputs"][name] = reductions.get(name.rpartition(".")[2], value)
