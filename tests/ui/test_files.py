"""Offers of annotators' missing files are no steps of their own: undo and redo go through as without them."""


def test_undo_of_an_annotator_keeps_its_redo(canvas):
    node = canvas.build({"lines": ("VaceAnnotateLineart", {"method": "scribble"}, (0, 0))})["lines"]
    for polarity in ("white on black", "dark on white"):
        canvas.call("set", node, "polarity", polarity)
        canvas.call("commit")
    saved = canvas.call("saved")["nodes"][0]["properties"]
    canvas.undo()
    assert canvas.value(node, "polarity") == "white on black"
    assert canvas.call("saved")["nodes"][0]["properties"] == saved
    canvas.call("commit")
    canvas.redo()
    assert canvas.value(node, "polarity") == "dark on white"
