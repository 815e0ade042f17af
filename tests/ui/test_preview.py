"""What a VCU holds is shown on nodes: by the button of VACE Preview VCU without sampling, and on its own node."""

import uuid

LAYOUT = "VaceDrawLayout", {"width": 64, "height": 64, "length": 5, "boxes": "1,1,40,40"}
ANOTHER = "([id, old]) => canvas.images(id).length === 1 && canvas.images(id)[0] !== old[0]"


def placed(canvas):
    nodes = {
        "layout": (*LAYOUT, (0, 0)),
        "preview": ("VacePreviewVcu", {"columns": 2}, (440, 0)),
        "other": ("PreviewImage", {}, (440, 420)),
    }
    return canvas.build(nodes, [("layout", 0, "preview", "vcu"), ("layout", 2, "other", "images")])


def test_the_button_runs_this_node_and_what_is_before_it(canvas):
    ids = placed(canvas)
    before = {node["id"]: node.get("widgets_values") for node in canvas.call("saved")["nodes"]}
    others = canvas.call("images", ids["other"])  # the page keeps those of an earlier graph
    for columns in (3, 2):
        canvas.call("set", ids["preview"], "columns", columns)
        earlier = canvas.call("images", ids["preview"])
        canvas.page.mouse.click(*canvas.call("buttonPoint", ids["preview"], "show"))
        canvas.page.wait_for_function(ANOTHER, arg=[ids["preview"], earlier])
    canvas.call("idle")
    assert canvas.call("images", ids["other"]) == others
    assert {node["id"]: node.get("widgets_values") for node in canvas.call("saved")["nodes"]} == before


def test_the_button_works_inside_of_a_subgraph(canvas):
    ids = placed(canvas)
    canvas.call("makeSubgraph", [ids["layout"], ids["preview"]])
    ran = canvas.call("showInside", "VacePreviewVcu")
    assert ran == ["VaceDrawLayout", "VacePreviewVcu"]


def test_a_task_node_shows_its_vcu_after_a_run(canvas):
    ids = placed(canvas)
    earlier = canvas.call("images", ids["layout"])
    canvas.call("set", ids["layout"], "boxes", f"{uuid.uuid4()}: 1,1,40,40")
    canvas.call("run")
    canvas.page.wait_for_function(ANOTHER, arg=[ids["layout"], earlier])
    assert canvas.call("images", ids["layout"]) != canvas.call("images", ids["preview"])
