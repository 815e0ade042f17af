"""Offers of annotators' missing files are no steps of their own: undo and redo go through as without them."""


def test_undo_of_an_annotator_keeps_its_redo(canvas):
    node = canvas.build({"lines": ("VaceAnnotateLineart", {"method": "scribble"}, (0, 0))})["lines"]
    for strength in (0.5, 0.75):
        canvas.call("set", node, "strength", strength)
        canvas.call("commit")
    saved = canvas.call("saved")["nodes"][0]["properties"]
    canvas.undo()
    assert canvas.value(node, "strength") == 0.5
    assert canvas.call("saved")["nodes"][0]["properties"] == saved
    canvas.call("commit")
    canvas.redo()
    assert canvas.value(node, "strength") == 0.75
