"""The command: files, arguments, and what is said."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from .conversion import Report, convert
from .graph_format import Scope, Workflow
from .prompt_format import Prompt
from .shapes import OLD
from .wrapper import convert_wrapper

DESCRIPTION = (
    "Turn a ComfyUI workflow that uses WanVaceToVideo, or VACE by WanVideoWrapper, into one of this pack. API format "
    "and the browser's format are both read; everything else in the file stays as it is."
)
EXACT = (
    "add ComfyUI's own nodes in front that crop and resize as WanVaceToVideo does, so that the result is the same to "
    "the bit for inputs of any size"
)
# Nodes of WanVideoWrapper, whose models, samplers and latents are types of its own.
WRAPPER = {
    "WanVideoVACEEncode": "VACE Build VCU and VACE Encode VCU",
    "WanVideoVACEModelSelect": "VACE Load Adapter and VACE Apply Adapter",
}


class MigrationError(Exception):
    """What is wrong with a file or an argument, as a sentence for the user."""


def main(
    arguments: list[str], say: Callable[[str], object] = print, complain: Callable[[str], object] | None = None
) -> int:
    """Migrate one file.

    Args:
        arguments: The command line.
        say: Takes each line for the user.
        complain: Takes what is wrong; the standard error if None.

    Returns:
        The exit status: 1 if nothing was written.
    """
    parser = argparse.ArgumentParser(prog="migrate", description=DESCRIPTION)
    parser.add_argument("source", type=Path, metavar="in.json", help="a workflow or a prompt in API format")
    parser.add_argument("target", type=Path, metavar="out.json", help="where the new one is written")
    parser.add_argument("--exact", action="store_true", help=EXACT)
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    options = parser.parse_args(arguments)
    try:
        data = _read(options.source)
        if options.target.exists() and not options.force:
            raise MigrationError(f"{options.target} is there already. Choose another name, or add --force.")
        report = migrate(data, options.exact)
        _write(options.target, data)
    except MigrationError as error:
        (complain or _to_standard_error)(f"error: {error}")
        return 1
    for line in (*report.done, *report.left):
        say(line)
    if report.differs:
        say("Where the result may differ from before:")
    for line in report.differs:
        say(f"- {line}")
    if report.resized:
        say("With --exact, sizes are handled as WanVaceToVideo does it.")
    say(f"Written: {options.target}")
    return 0


def migrate(data: object, exact: bool = False) -> Report:
    """Convert a workflow in place.

    Args:
        data: What the file holds, in the browser's format, in API format, or as the body of POST /prompt.
        exact: See `convert`.

    Returns:
        What was done and what was not.

    Raises:
        MigrationError: If it is no workflow, or nothing in it can be converted.
    """
    report = Report()
    try:
        graphs = _graphs(data)
        for graph in graphs:
            convert(graph, exact, report)
            convert_wrapper(graph, report)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise MigrationError(
            "This looks like a workflow, but its nodes or links are damaged. Open it in ComfyUI and save it again."
        ) from None
    kinds = [pair for graph in graphs for pair in graph.kinds().items()]
    found = any(kind == OLD or kind in WRAPPER for _, kind in kinds)
    report.left += [_left(node, kind) for node, kind in kinds if "vace" in kind.lower() and not _is_known(kind)]
    if not report.done:
        missing = [] if found else ["This workflow has no WanVaceToVideo and no VACE graph of WanVideoWrapper."]
        raise MigrationError(" ".join([*missing, *report.left]))
    return report


def _graphs(data: object) -> list[Prompt] | list[Scope]:
    """Every list of nodes in a file, as what can be converted."""
    if isinstance(data, dict):
        if isinstance(data.get("prompt"), dict):  # the body of POST /prompt
            data = data["prompt"]
        if "nodes" in data:
            return Workflow(data).scopes()
        if data and all(isinstance(node, dict) and "class_type" in node for node in data.values()):
            return [Prompt(data)]
    raise MigrationError("This is no workflow of ComfyUI: it has neither nodes nor a class_type. Save one in ComfyUI.")


def _to_standard_error(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _is_known(kind: str) -> bool:
    return kind == OLD or kind.startswith("Vace")


def _left(node: object, kind: str) -> str:
    if kind in WRAPPER:
        return (
            f"Node {node} ({kind}) stays as it is: WanVideoWrapper has models, samplers and latents of its own, so "
            f"a graph is converted whole, from its WanVideoDecode back. Here it would be {WRAPPER[kind]}; "
            f"docs/guide.md has the whole table."
        )
    return f"Node {node} ({kind}) stays as it is."


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise MigrationError(f"There is no file {path}.") from None
    except OSError as error:
        raise MigrationError(f"{path} cannot be read: {error.strerror}.") from None
    except RecursionError:
        raise MigrationError(f"{path} is nested too deeply to be a workflow.") from None
    except ValueError:  # no JSON, or no text at all
        raise MigrationError(
            f"{path} is no JSON. If it is a picture or a video with a workflow in it, open it in ComfyUI and save the "
            f"workflow."
        ) from None


def _write(path: Path, data: object) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        partial.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", "utf-8")
        partial.replace(path)
    except (OSError, UnicodeError) as error:
        partial.unlink(missing_ok=True)
        raise MigrationError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.") from None
