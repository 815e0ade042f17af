"""What an installer and the registry read: places that must name the same, and files that must be there."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.canvas import emblem
from harness.canvas.identity import project

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ("example_workflows/inputs/vace_boy_and_dog.mp4", "example_workflows/inputs/LICENSE")


def test_requirements_are_those_of_the_project():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (dependencies,) = re.findall(r"^dependencies = \[(.*)\]$", project, re.MULTILINE)
    listed = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert [f'"{line}"' for line in listed] == dependencies.split(", ")


@pytest.mark.parametrize("key", ["Repository", "Documentation", '"Bug Tracker"', "Icon", "Banner"])
def test_addresses_lead_into_the_repository_and_files_of_it_are_there(key):
    address, home = project(key), project("Repository")
    path = address.replace("https://raw.githubusercontent.com", "https://github.com").removeprefix(home)
    assert address.startswith("https://") and path != address
    file = re.sub("^/(blob/)?main/", "", path)
    assert path in ("", "/issues") or (ROOT / file).is_file()


@pytest.mark.parametrize(("file", "drawn"), [(emblem.ICON, emblem.icon), (emblem.BANNER, emblem.banner)])
def test_pictures_of_the_registry_are_as_drawn_and_of_its_shapes(file, drawn):
    with Image.open(file) as picture:
        width, height = picture.size
        kept = np.asarray(picture.convert("RGBA")).astype(int)
    assert width == height <= 400 if file == emblem.ICON else 9 * width == 21 * height
    assert np.abs(kept - np.asarray(drawn())).mean() < 2, "draw them anew; letters may differ a little with Pillow"
    assert file.stat().st_size < 200_000


def test_what_users_see_is_in_the_package():
    left_out = (ROOT / ".comfyignore").read_text("utf-8").split()
    for shipped in ("locales/zh/nodeDefs.json", "locales/zh/main.json", "web/docs/VaceBuildVcu/zh.md", *EXAMPLES):
        assert (ROOT / shipped).is_file()
        assert not [line for line in left_out if shipped.startswith(line.strip("/")) or "*" in line]
