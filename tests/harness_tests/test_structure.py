"""What the structure is read from: a small tree with one of everything that a rule must see."""

from pathlib import Path

import pytest

from harness.structure.imports import Structure, circle

FILES = {
    "vace_core/__init__.py": "",
    "vace_core/errors.py": "class VaceInputError(ValueError): ...",
    "vace_core/masks/__init__.py": "from .shape import grow\n__all__ = ['grow']",
    "vace_core/masks/shape.py": "from ..errors import VaceInputError\ndef grow(): ...\ndef shrink(): ...",
    "vace_core/tasks/__init__.py": "from .inpaint import inpaint\n__all__ = ['inpaint']",
    "vace_core/tasks/inpaint.py": (
        "import torch\nfrom ..masks import grow\nfrom ..masks.shape import shrink\ndef inpaint(): ..."
    ),
    "nodes/__init__.py": "",
    "nodes/_host/__init__.py": "",
    "nodes/_host/files/__init__.py": "from ....vace_core import masks",
}


@pytest.fixture
def structure(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return Structure(tmp_path)


def test_a_folder_is_a_concept_of_a_layer(structure):
    names = "nodes", "nodes/_host", "nodes/_host/files", "vace_core", "vace_core/masks", "vace_core/tasks"
    assert structure.folders == [Path(name) for name in names]


def test_imports_are_told_apart_by_public_name_inner_module_and_folder(structure):
    found = {(str(i.source), str(i.target), i.name) for i in structure.imports}
    assert ("vace_core/tasks/inpaint.py", "vace_core/masks/__init__.py", "grow") in found
    assert ("vace_core/tasks/inpaint.py", "vace_core/masks/shape.py", "shrink") in found
    assert ("vace_core/tasks/__init__.py", "vace_core/tasks/inpaint.py", "inpaint") in found
    assert ("nodes/_host/files/__init__.py", "vace_core/masks/__init__.py", None) in found
    assert structure.files[Path("vace_core/tasks/inpaint.py")].foreign() == {"torch"}


def test_arrows_lie_between_folders_only(structure):
    pairs = {(str(source), str(target)) for source, target in structure.arrows()}
    assert pairs == {
        ("vace_core/masks", "vace_core"),
        ("vace_core/tasks", "vace_core/masks"),
        ("nodes/_host/files", "vace_core/masks"),
    }


def test_a_circle_is_found_and_told_from_its_first_node():
    a, b, c, d = map(Path, "abcd")
    assert circle([(a, b), (b, c), (a, c), (d, a)]) == []
    assert circle([(d, a), (a, b), (b, c), (c, a)]) == [a, b, c, a]
