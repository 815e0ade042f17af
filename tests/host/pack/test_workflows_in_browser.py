"""Published workflows as the front end opens them: what it would run, and which files it offers."""

import contextlib
import itertools
import json

import pytest

from harness.browser.browser import MODES, VIEW, listen, open_front_end, set_mode
from harness.browser.canvas import Canvas
from harness.canvas.identity import LORA
from harness.canvas.plane import TITLE
from harness.canvas.switch import SWITCH
from harness.canvas.texts import texts
from harness.structure.schema import complete
from harness.workflows import as_graph, miniature, published

pytestmark = [pytest.mark.host, pytest.mark.server]

OPEN = "async ([graph, name]) => { await app.loadGraphData(graph, true, true, name, {openSource: 'template'}); }"
SWITCH_ON = f"""() => {{
  const node = app.graph._nodes.find(one => one.type === "{SWITCH}");
  app.canvas.select(node);
  return app.extensionManager.command.execute("Comfy.Canvas.ToggleSelectedNodes.Bypass");
}}"""
DEPTH = [
    ("depth anything v2 small", ["depth_anything_v2_vits.pth"]),
    ("midas", ["dpt_hybrid-midas-501f0c75.pt"]),
    ("connected depth", []),
]
SIZES = """async () => {
  for (let i = 0; i < 6; i++) await new Promise(requestAnimationFrame);
  return Object.fromEntries(app.graph._nodes.map(node => [node.id, node.size[1]]));
}"""
PROMPT = "async () => (await app.graphToPrompt()).output"


@contextlib.contextmanager
def page_of(front_end, mode):
    server, browser = front_end
    set_mode(server, mode)
    page = browser.new_page(viewport=VIEW)
    try:
        yield page
    finally:
        page.close()


def offered(canvas):
    """Names of the files whose addresses the only node carries."""
    (node,) = canvas.call("saved")["nodes"]
    return [file["name"] for file in node["properties"].get("models", [])]


def differences(shown, prompt):
    """Inputs of a node that are not as a prompt has them; core nodes bring defaults that the prompt leaves out."""
    assert shown.keys() == prompt.keys()
    found = {}
    for node_id, node in prompt.items():
        given, expected = shown[node_id]["inputs"], node["inputs"]
        if not node["class_type"].startswith("Vace"):
            given = {name: value for name, value in given.items() if name in expected}
        if given != expected or shown[node_id]["class_type"] != node["class_type"]:
            found[node_id, node["class_type"]] = given, expected
    return found


def covering(nodes, high):
    """Pairs of which one lies on the other, as high as the page draws them."""
    left, right = ({one["id"]: one["pos"][0] + far * one["size"][0] for one in nodes} for far in (0, 1))
    top, foot = ({one["id"]: one["pos"][1] + far for one in nodes} for far in (-TITLE, 0))
    foot = {key: y + high[str(key)] for key, y in foot.items()}

    def meet(a, b):
        beside = max(left[a], left[b]) < min(right[a], right[b])
        return beside and max(top[a], top[b]) < min(foot[a], foot[b])

    return [pair for pair in itertools.combinations(left, 2) if meet(*pair)]


@pytest.mark.parametrize("mode", ["classic", pytest.param("Nodes 2.0", marks=pytest.mark.long)])
def test_every_workflow_opens_as_its_api_form(front_end, mode):
    with page_of(front_end, mode) as page:
        heard = listen(page)
        open_front_end(page, front_end[0].url)
        for name, text in texts().items():
            graph = json.loads(text.graph.read_text("utf-8"))
            page.evaluate(OPEN, [graph, text.title])
            assert not differences(page.evaluate(PROMPT), complete(published(name))), name
            assert not covering(graph["nodes"], page.evaluate(SIZES)), name
    assert not heard


@pytest.mark.parametrize("mode", MODES)
def test_on_the_miniature_the_settings_are_its_own(front_end, mode):
    text = texts()["text_to_video"]
    prompt = miniature(published(text.name), text.name)
    with page_of(front_end, mode) as page:
        open_front_end(page, front_end[0].url)
        page.evaluate(OPEN, [as_graph(json.loads(text.graph.read_text("utf-8")), prompt), text.title])
        assert not differences(page.evaluate(PROMPT), prompt)


def test_files_that_are_missing_are_offered_for_download(front_end):
    text = texts()["adapter_on_plain_model"]
    with page_of(front_end, "classic") as page:
        open_front_end(page, front_end[0].url)
        page.evaluate(OPEN, [json.loads(text.graph.read_text("utf-8")), text.title])
        page.get_by_role("button", name="View details").click()
        page.get_by_role("button", name="Download all").wait_for()
        assert page.get_by_text("Download", exact=True).count() == 4


def test_the_file_of_an_annotator_is_offered_until_it_is_here(front_end):
    name, folder = "netG_A_latest.pth", front_end[0].base / "models" / "vace_annotators"
    with page_of(front_end, "classic") as page, contextlib.ExitStack() as afterwards:
        canvas = Canvas(page, front_end[0].url)
        canvas.build({"lines": ("VaceAnnotateLineart", {"method": "scribble"}, (0, 0))})
        prompt, values = canvas.call("prompt"), canvas.call("saved")["nodes"][0]["widgets_values"]
        canvas.call("reload")
        page.get_by_role("button", name="View details").click()
        page.get_by_text(name).first.wait_for()
        assert page.get_by_text("Download", exact=True).count() == 1
        (saved,) = canvas.call("saved")["nodes"]
        (file,) = saved["properties"]["models"]
        assert (file["name"], file["directory"]) == (name, folder.name)
        assert (canvas.call("prompt"), saved["widgets_values"]) == (prompt, values)  # nothing else is changed by it
        folder.mkdir(exist_ok=True)
        afterwards.callback((folder / name).unlink)
        (folder / name).touch()
        canvas.call("reload")
        page.get_by_text(name).first.wait_for(state="detached")


@pytest.mark.parametrize("mode", MODES)
def test_another_method_changes_the_offer_in_the_same_step(front_end, mode):
    with page_of(front_end, mode) as page:
        canvas = Canvas(page, front_end[0].url)
        canvas.build({"depth": ("VaceAnnotateDepth", {"method": DEPTH[0][0]}, (0, 0))})
        canvas.call("reload")
        node = canvas.call("saved")["nodes"][0]["id"]
        canvas.call("commit")
        for method, _ in DEPTH[1:]:
            canvas.call("set", node, "method", method)
            canvas.call("commit")
        seen = [(canvas.value(node, "method"), offered(canvas))]
        for step in (canvas.undo, canvas.undo, canvas.redo, canvas.redo):
            step()
            canvas.call("commit")  # as at each key and click of the user
            seen.append((canvas.value(node, "method"), offered(canvas)))
        assert seen == [DEPTH[k] for k in (2, 1, 0, 1, 2)]
        canvas.undo()
        canvas.call("set", node, "method", DEPTH[0][0])  # after an undo it is followed, too
        assert offered(canvas) == DEPTH[0][1]


def test_a_workflow_opens_without_waiting_for_what_it_does_not_need(front_end):
    asked = []
    with page_of(front_end, "classic") as page:
        canvas = Canvas(page, front_end[0].url)
        page.route("**/wan_vace/annotator_files", lambda route: asked.append(route))  # and there is never an answer
        canvas.build({"lines": ("VaceAnnotateLineart", {"method": "local contrast"}, (0, 0))})
        canvas.call("reload")
        assert not asked
        canvas.build({"lines": ("VaceAnnotateLineart", {"method": "scribble"}, (0, 0))})
        canvas.call("reload", within=20.0)  # the page waits for 2
        assert (len(asked), offered(canvas)) == (1, [])


def test_a_card_of_the_template_browser_is_shown_and_moves(front_end):
    url = f"{front_end[0].url}/api/workflow_templates/wan-vace/VACE%20Text%20to%20Video.jpg"
    with page_of(front_end, "classic") as page:
        page.goto(f"{front_end[0].url}/system_stats")
        page.set_content(f'<body style="margin:0"><img src="{url}">')
        page.wait_for_function("() => document.images[0].complete")
        assert page.evaluate("() => [document.images[0].naturalWidth, document.images[0].naturalHeight]") == [400, 300]
        shown = page.locator("img").screenshot()
        page.wait_for_timeout(500)
        assert page.locator("img").screenshot() != shown


def test_the_switch_for_few_steps_asks_for_its_file_only_once_it_is_on(front_end):
    text = texts()["text_to_video"]
    api = published(text.name)
    loader = next(i for i, node in api.items() if node["class_type"] == "VaceLoadModels")
    with page_of(front_end, "classic") as page:
        open_front_end(page, front_end[0].url)
        graph = json.loads(text.graph.read_text("utf-8"))
        notes = [node for node in graph["nodes"] if node["type"] == "MarkdownNote"]
        named = sum(LORA.name in str(node["widgets_values"]) for node in notes)  # on the canvas, with its link
        page.evaluate(OPEN, [graph, text.title])
        page.get_by_role("button", name="View details").click()
        page.get_by_role("button", name="Download all").wait_for()
        assert page.get_by_text(LORA.name).count() == named
        page.evaluate(SWITCH_ON)
        page.get_by_text(LORA.name).nth(named).wait_for()
        shown = page.evaluate(PROMPT)
    (switch,) = (i for i, node in shown.items() if node["class_type"] == SWITCH)
    assert shown[switch]["inputs"]["model"] == [loader, 0]
    (sampler,) = (node for node in shown.values() if node["class_type"] == "VaceSampleVcu")
    assert sampler["inputs"]["model"] == [switch, 0]
