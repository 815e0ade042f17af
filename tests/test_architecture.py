"""ARCHITECTURE.md's rules, checked on every source file."""

import ast
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness.structure.imports import HOST, Structure, circle

STRUCTURE = Structure()
FILES = sorted(STRUCTURE.files)
FOLDERS = STRUCTURE.folders
ARROWS = STRUCTURE.arrows()
PACK = ("vace_core", "annotators", "nodes", "migration", "cluster")  # what is released

HOST_INTERNALS = {"comfy", "comfy_extras", "comfy_execution", "folder_paths", "node_helpers", "server", "nodes"}
LAYERS = {
    "vace_core": {"vace_core"},
    "annotators": {"vace_core", "annotators"},
    "nodes": {"vace_core", "annotators", "nodes"},
    "migration": {"migration"},
    "cluster": {"cluster"},
    "training": {"vace_core", "annotators", "nodes", "training"},
    "miniature": {"vace_core", "annotators", "nodes", "training", "miniature"},
}

# Every concept may use these; they may use those before them.
COMMON = ("video", "masks", "vcu")
# Arrows between two signals, and between two concepts of the host layer. Each is one more thing to know before a
# folder can be understood, so a new one has to be written down here, with its reason.
ANNOTATORS = {
    "subject": {"flow"},  # a tracked mask moves as its pixels do
}
HOST_CONCEPTS = {
    "conditioning": {"video"},  # a latent is decoded into a VIDEO
    "exact": {"video"},  # what is kept is put back into a VIDEO as it is saved
    "vcu": {"files"},
    "strength": {"conditioning", "models"},  # strengths are among the conditioning's keys
    "adapter": {"files", "conditioning", "models", "strength"},
    "sampling": {"conditioning", "models"},  # a model without VACE is refused before sampling
    "long": {"files", "video", "conditioning", "models", "strength", "sampling"},  # a run is all of these in turn
    "signals": {"files", "video", "models"},  # a connected model is told from another
}


def is_core(folder: Path) -> bool:
    return folder.parts[0] == "vace_core"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_layers_point_inwards(path):
    file, layer = STRUCTURE.files[path], path.parts[0]
    reached = {each.target.parts[0] for each in STRUCTURE.imports if each.source == path}
    assert reached <= LAYERS[layer], f"{path} must not import {sorted(reached - LAYERS[layer])}"
    internals = file.foreign() & HOST_INTERNALS
    may_use_host = path.is_relative_to(HOST) or layer in ("training", "miniature")
    assert may_use_host or not internals, f"{path} imports {sorted(internals)}; only nodes/_host touches ComfyUI"
    assert layer in ("nodes", "training", "miniature") or "comfy_api" not in file.foreign()


def allowed(source: Path, target: Path) -> bool:
    """Whether a concept may import another of its own layer."""
    if target == source.parent or source == target.parent:  # shared files of the layer; the layer's list of all
        return True
    if is_core(source):
        before = COMMON[: COMMON.index(source.name)] if source.name in COMMON else COMMON
        return target.name in before
    if source.is_relative_to(HOST):
        return target.name in HOST_CONCEPTS.get(source.name, ())
    if source.parts[0] == "annotators":
        return target.name in ANNOTATORS.get(source.name, ())
    return False


def layer_of(folder: Path) -> Path:
    return HOST if folder.is_relative_to(HOST) else Path(folder.parts[0])


WITHIN = [pair for pair in ARROWS if layer_of(pair[0]) == layer_of(pair[1]) and pair[0].parts[0] in PACK]


@pytest.mark.parametrize("pair", WITHIN, ids=lambda pair: f"{pair[0]}->{pair[1]}")
def test_concepts_use_the_common_ones_and_nothing_else(pair):
    source, target = pair
    assert allowed(source, target), (
        f"{source} imports {target} ({ARROWS[pair][0].source}, line {ARROWS[pair][0].line}). A concept may use "
        f"{', '.join(COMMON)}. Move what both need into one of these, or write the arrow down here with its reason."
    )


def test_no_arrow_is_allowed_that_nobody_needs():
    listed = {(HOST / a, HOST / b) for a, targets in HOST_CONCEPTS.items() for b in targets}
    listed |= {(Path("annotators", a), Path("annotators", b)) for a, targets in ANNOTATORS.items() for b in targets}
    assert not listed - set(ARROWS)


@pytest.mark.parametrize("folder", [f for f in FOLDERS if f.parent == HOST], ids=str)
def test_a_host_folder_says_which_others_of_its_layer_it_imports(folder):
    text = " ".join(ast.get_docstring(STRUCTURE.files[folder / "__init__.py"].tree).split())
    said = re.search(r"It imports the host, (?:this layer's (.*?)|nothing of this layer), (?:and |of )*the core", text)
    assert said, "It imports the host, this layer's `a` and `b`, and the core's `c`."
    imported = {target.name for source, target in ARROWS if source == folder and target.parent == HOST}
    assert set(re.findall(r"`(\w+)`", said[1] or "")) == imported


@pytest.mark.parametrize("path", FILES, ids=str)
def test_other_folders_are_used_by_their_public_names(path):
    for each in STRUCTURE.imports:
        target = STRUCTURE.folder(each.target)
        if each.source != path or STRUCTURE.folder(path) == target or target in path.parents:
            continue
        inner = each.target.parent == target and each.target.name != "__init__.py" and len(target.parts) > 1
        own = layer_of(target) == target  # a layer's own files are public: errors, notes, protocol, sockets
        assert own or not inner, (
            f"{path}, line {each.line}: {each.target} is private to {target}. Import from {target}, "
            f"whose __init__.py lists its public names."
        )
        public = STRUCTURE.files[each.target].public
        assert own or each.name in public, f"{path}, line {each.line}: {each.name} is no public name of {target}"


def test_no_public_name_is_listed_that_no_other_folder_uses():
    used = {(each.target, each.name) for pair in ARROWS.values() for each in pair}
    lists = {p: f.public for p, f in STRUCTURE.files.items() if p.name == "__init__.py" and len(p.parts) > 2}
    unused = [f"{path}: {name}" for path, names in lists.items() for name in names if (path, name) not in used]
    assert not unused


def test_no_circles():
    between = circle(
        pair for pair in ARROWS if pair[0] != pair[1].parent
    )  # a layer's __init__ lists all of its folders
    assert not between, " -> ".join(map(str, between))
    within = circle(
        (each.source, each.target)
        for each in STRUCTURE.imports
        if each.source.name != "__init__.py" and STRUCTURE.folder(each.source) == STRUCTURE.folder(each.target)
    )
    assert not within, " -> ".join(map(str, within))


@pytest.mark.parametrize("folder", [f for f in FOLDERS if len(f.parts) > 1], ids=str)
def test_every_folder_says_what_lives_there(folder):
    text = ast.get_docstring(STRUCTURE.files[folder / "__init__.py"].tree) or ""
    assert text.count(".") >= 3 and len(text.split("\n")) >= 4, (
        "what lives there, which way data flows, what it imports"
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_no_folder_is_a_corridor(folder):
    files = [path for path in FILES if path.parent == folder]
    assert len(files) <= 20, f"{folder} has {len(files)} files"


def test_a_public_name_means_one_thing():
    """Functions and classes of the released layers; what a file keeps to itself begins with an underscore."""
    places = Counter()
    for path in FILES:
        if path.parts[0] in PACK:
            defined = [n for n in STRUCTURE.files[path].tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
            places.update(n.name for n in defined if not n.name.startswith("_"))
    twice = [name for name, count in places.items() if count > 1]
    assert not twice, f"{twice} are defined more than once"


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] in ("vace_core", "annotators")], ids=str)
def test_pure_layers_do_not_log_or_draw(path):
    assert not STRUCTURE.files[path].foreign() & {"logging", "PIL", "aiohttp"}


# All else is either written in torch and numpy, or asked for by name through `vace_core.optional`.
CORE_LIBRARIES = {"torch", "numpy", "einops"}


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] == "vace_core"], ids=str)
def test_the_core_needs_no_other_library(path):
    assert STRUCTURE.files[path].foreign() <= CORE_LIBRARIES | sys.stdlib_module_names


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] == "migration"], ids=str)
def test_migration_needs_python_alone(path):
    assert STRUCTURE.files[path].foreign() <= {"migration"} | sys.stdlib_module_names


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] == "cluster"], ids=str)
def test_batches_need_the_packages_of_their_extra_and_no_others(path):
    project = (STRUCTURE.root / "pyproject.toml").read_text("utf-8")
    (extra,) = re.findall(r"^cluster = \[(.*)\]$", project, re.MULTILINE)
    named = {re.split("[^a-z]", name)[0].replace("pillow", "PIL") for name in re.findall('"(.*?)"', extra)}
    assert STRUCTURE.files[path].foreign() <= {"cluster"} | named | sys.stdlib_module_names


# Slow to import, not always installed, or both: `vace_core.optional` imports them when a signal is asked for.
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
    assert not STRUCTURE.files[path].foreign() & HEAVY


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_and_functions_stay_readable(path):
    file = STRUCTURE.files[path]
    lines = file.text.count("\n")
    assert lines <= 300, f"{path} has {lines} lines"
    limits = {"define_schema": 120, "execute": 40}
    long = [f.name for f in file.functions if f.end_lineno - f.lineno + 1 > limits.get(f.name, 60)]
    assert not long, f"{path}: {long} are too long"
