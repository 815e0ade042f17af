"""Published workflows, turned into ones that the small checkpoints can run."""

from __future__ import annotations

import copy

VACE_MODEL = "small_wan_vace.safetensors"
PLAIN_MODEL = "small_wan_t2v.safetensors"
ADAPTER = "small_vace_adapter.safetensors"
VAE = "small_wan_vae.safetensors"


def small(prompt: dict, **reductions: int) -> dict:
    """The same workflow on the small checkpoints.

    UNETLoader takes the merged small model, or the plain one when some node of this pack loads an adapter
    file, which then becomes the small adapter. VAELoader takes the small VAE, and CLIPLoader gives way to the
    development node that loads the small text encoder. VaceLoadModels, which holds all three, becomes these three.

    Args:
        prompt: Workflow in API format; left as it is.
        reductions: Values such as ``width=128, length=17, steps=4``. Each replaces every number of that name
            in the workflow, nested ones such as ``settings.steps`` too; linked inputs stay linked.

    Returns:
        A new workflow in API format.
    """
    result = _with_single_loaders(copy.deepcopy(prompt))
    adapters = [node for node in result.values() if _adapter_inputs(node)]
    for node in result.values():
        _replace_loader(node, PLAIN_MODEL if adapters else VACE_MODEL)
        for name, value in node["inputs"].items():
            if isinstance(value, int | float):
                node["inputs"][name] = reductions.get(name.rpartition(".")[2], value)
    return result


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


def _adapter_inputs(node: dict) -> list[str]:
    if not node["class_type"].startswith("Vace") or node["class_type"] == "VaceLoadVcu":
        return []
    return [k for k, v in node["inputs"].items() if isinstance(v, str) and v.endswith((".safetensors", ".pth"))]


def _replace_loader(node: dict, model: str) -> None:
    inputs = node["inputs"]
    for name in _adapter_inputs(node):
        inputs[name] = ADAPTER
    if node["class_type"] == "UNETLoader":
        inputs.update(unet_name=model, weight_dtype="default")
    elif node["class_type"] == "VAELoader":
        inputs["vae_name"] = VAE
    elif node["class_type"] == "CLIPLoader":
        node.update(class_type="DevLoadSmallTextEncoder", inputs={})
