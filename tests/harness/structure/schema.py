"""What every node takes and gives, kept in a file, so that no id, socket, order or default changes unnoticed."""

from __future__ import annotations

import copy
import json
import sys

from ..browser.specs import DYNAMIC, GROWING
from ..host.locations import ROOT

FILE = ROOT / "tests" / "host" / "schema.json"
# Choices that the host brings: other versions have others.
OF_THE_HOST = ("settings.sampler", "settings.scheduler", "schedule", "fuse_method")
CUSTOM = "custom"  # settings that are numbers of one's own, each with the official one as its default
KEPT = ("default", "min", "max", "step", "forceInput", "control_after_generate", "rawLink", "multiline")


def main() -> int:
    """Write the file anew from the pack in this host."""
    from ..host.inprocess import load_host

    load_host()
    import nodes

    ours = {name: one for name, one in nodes.NODE_CLASS_MAPPINGS.items() if name.startswith("Vace")}
    FILE.write_text(as_text(describe({name: one.GET_NODE_INFO_V1() for name, one in ours.items()})), "utf-8")
    print(f"{FILE.relative_to(ROOT)}: {len(ours)} nodes")
    return 0


def load() -> dict[str, dict]:
    """The file's content."""
    return json.loads(FILE.read_text("utf-8"))


def describe(object_info: dict[str, dict]) -> dict[str, dict]:
    """What is kept of each node.

    Args:
        object_info: By id, as /object_info gives it.

    Returns:
        By id, sorted: its name and category in the menu, its inputs in order, nested ones behind their owner with the
        options they belong to, and its outputs.
    """
    return {node_id: _node(object_info[node_id]) for node_id in sorted(object_info)}


def as_text(schema: dict[str, dict]) -> str:
    """As JSON with a line for each input and output, for readable differences."""
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {_node_text(node)}" for name, node in schema.items()) + "\n}\n"


def complete(prompt: dict) -> dict:
    """A prompt that says what it leaves to the defaults.

    Args:
        prompt: API format; left as it is.
    """
    schema, result = load(), copy.deepcopy(prompt)
    for node in result.values():
        given = node["inputs"]
        inputs = schema.get(node["class_type"], {}).get("inputs", ())
        for one in inputs:
            if "default" in one and applies(one, inputs, given):
                given.setdefault(one["name"], one["default"])
    return result


def with_own_numbers(prompt: dict) -> dict:
    """A complete prompt in which the official settings are numbers, which can be changed, and no name.

    Args:
        prompt: API format; left as it is.
    """
    result = complete(prompt)
    for node in result.values():
        named = next((i for i in load().get(node["class_type"], {}).get("inputs", ()) if i["name"] == "settings"), None)
        if named and node["inputs"]["settings"] == named["default"]:
            node["inputs"]["settings"] = CUSTOM
    return complete(result)


def cut(prompt: dict, *, only_defaults: bool = True) -> dict:
    """A prompt without what it may leave out.

    Args:
        prompt: API format; left as it is.
        only_defaults: Leave out what equals its default; else every value that is optional, changed or not.
    """
    schema, result = load(), copy.deepcopy(prompt)
    for node in result.values():
        given = node["inputs"]
        inputs = schema.get(node["class_type"], {}).get("inputs", ())
        for one in reversed(inputs):  # nested ones before their owner
            value = given.get(one["name"])
            if one["name"] not in given or not one["optional"] or isinstance(value, list) or "default" not in one:
                continue
            has_nested = any(name.startswith(f"{one['name']}.") for name in given)
            if applies(one, inputs, given) and not has_nested and (value == one["default"] or not only_defaults):
                del given[one["name"]]
    return result


def applies(one: dict, inputs: list[dict], given: dict) -> bool:
    """Whether an input of a node exists beside the options that a prompt chooses.

    Args:
        one: The input.
        inputs: All of the node.
        given: What the prompt gives the node.
    """
    if "for" not in one:
        return True
    owner = next(other for other in inputs if other["name"] == one["name"].rpartition(".")[0])
    return given.get(owner["name"], owner["options"][0]) in one["for"]


def _node(info: dict) -> dict:
    outputs = zip(info["output"], info["output_name"], strict=True)
    return {
        "name": info["display_name"],
        "category": info["category"],
        "output_node": info["output_node"],
        "inputs": list(_inputs(info["input"], "")),
        "outputs": [{"name": name, "type": str(kind)} for kind, name in outputs],
    }


def _inputs(declared: dict, prefix: str) -> list[dict]:
    found = []
    for group in ("required", "optional"):
        for name, (kind, options) in declared.get(group, {}).items():
            one = {"name": prefix + name, "type": str(kind), "optional": group == "optional"}
            one |= {"advanced": True} if options.get("advanced") else {}
            one |= {key: options[key] for key in KEPT if options.get(key) is not None}
            found += _with_nested(one, options)
    return found


def _with_nested(one: dict, options: dict) -> list[dict]:
    if one["type"] == DYNAMIC:
        keys = [option["key"] for option in options["options"]]
        nested: dict[str, dict] = {}
        for option in options["options"]:
            for inner in _inputs(option["inputs"], f"{one['name']}."):
                same = nested.setdefault(json.dumps(inner), {**inner, "for": []})
                same["for"].append(option["key"])
        default = {"default": keys[0]} if one["optional"] else {}
        return [{**one, **default, "options": keys}, *nested.values()]
    if one["type"] == GROWING:
        template = options["template"]
        ((_, (kind, _)),) = [each for group in template["input"].values() for each in group.items()]
        return [{**one, "of": str(kind), **{key: template[key] for key in ("prefix", "min", "max")}}]
    if one["type"] == "COMBO" and one["optional"] and one["name"] not in OF_THE_HOST:
        return [{**one, "options": options["options"]}]
    return [one]  # the choices of a required combo are files


def _node_text(node: dict) -> str:
    lines = []
    for key, value in node.items():
        if not isinstance(value, list):
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
            continue
        entries = ",\n".join(f"    {json.dumps(one, ensure_ascii=False)}" for one in value)
        lines.append(f"  {json.dumps(key)}: [\n{entries}\n  ]")
    return "{\n" + ",\n".join(lines) + "\n}"


if __name__ == "__main__":
    sys.exit(main())
