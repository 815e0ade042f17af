"""Offers of annotators' missing files are no steps of their own: undo and redo go through as without them."""


def test_undo_of_an_annotator_keeps_its_redo(canvas):
    node = canvas.build({"depth": ("VaceAnnotateDepth", {"method": "midas"}, (0, 0))})["depth"]
    for invert in (True, False):
        canvas.call("set", node, "invert", invert)
        canvas.call("commit")
    saved = canvas.call("saved")["nodes"][0]["properties"]
    canvas.undo()
    assert canvas.value(node, "invert") is True
    assert canvas.call("saved")["nodes"][0]["properties"] == saved
    canvas.call("commit")
    canvas.redo()
    assert canvas.value(node, "invert") is False
