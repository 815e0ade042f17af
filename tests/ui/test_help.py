"""Help is there at the first request, with its pictures, in each language that has pages."""

import json
from pathlib import Path

import pytest

from harness.structure import schema

NODE = "VaceInpaintVideo"
CHINESE = Path(__file__).resolve().parents[2] / "locales" / "zh" / "nodeDefs.json"
TITLES = {
    "en": schema.load()[NODE]["name"],
    "zh": json.loads(CHINESE.read_text("utf-8"))[NODE]["display_name"],
}
CLOSE = "() => app.extensionManager.setting.set('Comfy.RightSidePanel.IsOpen', false)"
SEEN = """async () => {
  const pictures = [...document.querySelectorAll(".node-help-content img")];
  await Promise.all(pictures.map(one => one.decode()));
  return pictures.length;
}"""


@pytest.fixture(params=TITLES)
def language(canvas, request):
    """Each language in turn; afterwards English again, and the page as wide as before."""
    canvas.speak(request.param)
    yield request.param
    canvas.page.evaluate(CLOSE)
    canvas.speak("en")


def test_help_is_found_where_it_is_first_asked_for(canvas, language):
    answers = []

    def hear(response):
        if "/docs/" in response.url:
            answers.append((response.status, response.url.rpartition("/docs/")[2]))

    node = canvas.build({"one": (NODE, {}, (100, 100))})["one"]
    canvas.call("select", node)
    canvas.page.on("response", hear)
    canvas.page.get_by_test_id("info-button").click()
    heading = canvas.page.locator(".node-help-content h1")
    assert heading.inner_text() == TITLES[language]
    assert canvas.page.evaluate(SEEN) > 2
    canvas.page.remove_listener("response", hear)
    assert answers[0] == (200, f"{NODE}/{language}.md")
    assert {status for status, _ in answers} <= {200, 304}
