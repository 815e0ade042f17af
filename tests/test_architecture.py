"""ARCHITECTURE.md's import rules, checked on every source file."""

import ast
from pathlib import Path

import pytest

PACK_ROOT = Path(__file__).resolve().parent.parent
HOST_ADAPTER = Path("nodes/_host")
HOST_INTERNALS = {
    "comfy",
    "comfy_extras",
    "comfy_execution",
    "folder_paths",
    "node_helpers",
    "server",
    "/nodes",
}
LAYERS = {
    "vace_core": {"vace_core"},
    "annotators": {"vace_core", "annotators"},
    "nodes": {"vace_core", "annotators", "nodes", "comfy_api"},
    "miniature": {"vace_core", "annotators", "nodes", "miniature"},  # a development tool above all of them
}
USES_HOST = (HOST_ADAPTER, Path("miniature"))
FILES = sorted(path.relative_to(PACK_ROOT) for layer in LAYERS for path in (PACK_ROOT / layer).rglob("*.py"))


def imported_packages(path: Path) -> set[str]:
    """First component of everything ``path`` imports: ``..vace_core.masks`` gives ``vace_core``.

    An absolute import of a name that is also a layer gives ``/nodes``: it is ComfyUI's module, not ours.
    """
    packages = set()
    for node in ast.walk(ast.parse((PACK_ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            absolute = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            absolute = {node.module.partition(".")[0]}
        elif isinstance(node, ast.ImportFrom):
            above = path.parts[: len(path.parts) - node.level]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            packages |= {(*above, *name.split("."))[0] for name in names}
            continue
        else:
            continue
        packages |= {f"/{name}" if name in LAYERS else name for name in absolute}
    return packages


def sibling_nodes(path: Path) -> set[str]:
    """Node files that a node file imports; shared code begins with an underscore or lies a layer down."""
    tree = ast.parse((PACK_ROOT / path).read_text(encoding="utf-8"))
    relative = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level in (1, 2) and n.module]
    return {n.module for n in relative if not n.module.startswith("_")}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_inwards(path):
    ours_or_host = imported_packages(path) & (set(LAYERS) | HOST_INTERNALS | {"comfy_api", "/vace_core", "/annotators"})
    uses_host = any(path.is_relative_to(folder) for folder in USES_HOST)
    allowed = LAYERS[path.parts[0]] | (HOST_INTERNALS if uses_host else set())
    assert ours_or_host <= allowed, f"{path} must not import {sorted(ours_or_host - allowed)}"


NODE_FILES = [p for p in FILES if p.parts[0] == "nodes" and p.parts[1] != "_host" and not p.name.startswith("_")]


@pytest.mark.parametrize("path", NODE_FILES, ids=str)
def test_node_files_do_not_import_each_other(path):
    assert not sibling_nodes(path)


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] in ("vace_core", "annotators")], ids=str)
def test_pure_layers_do_not_log_or_draw(path):
    assert not imported_packages(path) & {"logging", "PIL", "aiohttp"}


# Slow to import, not always installed, or both: `annotators.optional` imports them when a signal is asked for.
HEAVY = {
    "controlnet_aux",
    "cv2",
    "kornia",
    "mediapipe",
    "onnxruntime",
    "scipy",
    "skimage",
    "timm",
    "torchvision",
    "transformers",
}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_heavy_libraries_are_imported_only_when_asked_for(path):
    assert not imported_packages(path) & HEAVY


def functions(path: Path):
    tree = ast.parse((PACK_ROOT / path).read_text(encoding="utf-8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_and_functions_stay_readable(path):
    lines = (PACK_ROOT / path).read_text(encoding="utf-8").count("\n")
    assert lines <= 300, f"{path} has {lines} lines"
    limits = {"define_schema": 120, "execute": 40}
    long = [f.name for f in functions(path) if f.end_lineno - f.lineno + 1 > limits.get(f.name, 60)]
    assert not long, f"{path}: {long} are too long"
