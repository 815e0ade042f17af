"""The drawing of the structure is that of today's files."""

from harness.structure import floor_plan
from harness.structure.imports import Structure


def test_the_drawing_is_up_to_date():
    drawn = floor_plan.FILE.read_text("utf-8")
    assert drawn == floor_plan.draw(Structure()), "run `python dev.py structure`"


def test_every_folder_of_the_released_layers_has_a_room():
    structure = Structure()
    shown = {room.name for floor in floor_plan.FLOORS for room in floor_plan._rooms(structure, floor)}
    folders = {f.name for f in structure.folders if f.parts[0] in ("vace_core", "annotators", "nodes")}
    assert folders - {floor.name for floor in floor_plan.FLOORS} <= shown
