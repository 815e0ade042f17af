"""On nodes as narrow as in the workflows, the bar of an editor is one row and its sentence is all there."""

import pytest

from harness.browser.draw import LEAST_WIDTH

NODES = {
    "clip": ("LoadVideo", {"file": "boy_and_dog.mp4"}, (-400, 0)),
    "inpaint": ("VaceInpaintVideo", {"boxes": "62%,64%,91%,97% 66%,65%,94%,98%"}, (0, 0)),
    "layout": ("VaceDrawLayout", {"boxes": "5%,40%,35%,85% 65%,40%,95%,85%"}, (0, 0)),
    "outpaint": ("VaceOutpaintVideo", {"by": "aspect", "width": 832, "height": 480}, (0, 0)),
    "extend": ("VaceExtendVideo", {"after": 64, "overlap": 17}, (0, 0)),
    "interpolate": ("VaceInterpolateFrames", {}, (0, 0)),
    "keyframes": ("VacePlaceKeyframes", {"positions": "0, 50%, last"}, (0, 0)),
}
WIRES = [("clip", 0, name, "video") for name in ("inpaint", "outpaint", "extend", "interpolate")]
NARROW = "([ids, width]) => ids.map(id => app.graph.getNodeById(id)).forEach(one => one.setSize([width, one.size[1]]))"
ONE_ROW = 30
SEEN = """id => {
  const {root, bar, hint} = app.graph.getNodeById(id).widgets.find(one => one.name === "wan_vace_editor").options.panel;
  const shown = [...bar.children].filter(one => one.offsetWidth);
  return {
    width: root.clientWidth,
    bar: bar.clientHeight,
    outside: shown.filter(one => one.offsetLeft + one.offsetWidth > bar.offsetLeft + bar.clientWidth).length,
    hint: [hint.textContent, hint.scrollWidth - hint.clientWidth, hint.scrollHeight - hint.clientHeight],
  };
}"""


@pytest.fixture(scope="module", params=["en", "zh"])
def language(request, only_page, mode):
    """Each language of the page in turn; afterwards in English, for the host keeps the choice."""
    only_page.speak(request.param)
    yield request.param
    only_page.speak("en")


@pytest.mark.parametrize("name", [name for name in NODES if name != "clip"])
def test_bars_and_sentences_fit(canvas, language, name):
    nodes = {"clip": NODES["clip"], name: NODES[name]}
    node = canvas.build(nodes, [wire for wire in WIRES if wire[2] == name])[name]
    canvas.page.evaluate(NARROW, [[node], LEAST_WIDTH])
    canvas.call("reload")
    canvas.call("atRest")
    if name == "outpaint":
        canvas.page.wait_for_function("id => canvas.clip(id).state === 'ready'", arg=node)
    canvas.call("look", node)
    canvas.frames(3)
    seen = canvas.page.evaluate(SEEN, node)
    assert 200 < seen["width"] <= LEAST_WIDTH
    assert 0 < seen["bar"] <= ONE_ROW
    assert not seen["outside"]
    assert seen["hint"][0] and max(seen["hint"][1:]) <= 0, seen["hint"]
