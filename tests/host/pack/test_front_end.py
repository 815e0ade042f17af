"""Every node in ComfyUI's own front end, in a headless Chromium."""

import pytest

from harness.browser.browser import MODES, VIEW, listen, set_mode
from harness.browser.placing import Trial, place_all

pytestmark = [pytest.mark.host, pytest.mark.server]

# What VACE Trim Latent is made to look like: its combo shows a socket and no widget at first.
UNPLACEABLE = {
    "required": {
        "how": [
            "COMFY_DYNAMICCOMBO_V3",
            {"options": [{"key": "wired", "inputs": {"required": {"picture": ["IMAGE", {}]}}}]},
        ]
    }
}


@pytest.mark.parametrize("mode", MODES)
def test_every_node_can_be_placed_wired_saved_loaded_and_made_a_prompt(front_end, mode):
    placing = place_all(*front_end, mode)
    assert placing.nodes
    assert not placing.failures
    assert not placing.complaints


def test_a_node_that_cannot_be_placed_is_found(front_end):
    server, browser = front_end
    everything = server.object_info()
    everything["VaceTrimLatent"]["input"] = UNPLACEABLE
    set_mode(server, "classic")
    page = browser.new_page(viewport=VIEW)
    page.route("**/object_info", lambda route: route.fulfill(json=everything))
    heard = listen(page)
    trial = Trial(page, everything, "classic")
    trial.open(server.url)
    trial.run(["VaceTrimLatent", "VaceDecodeLatent"], 0)
    page.close()
    assert list(trial.failures) == ["VaceTrimLatent"]
    assert any("Failed to find input socket for how" in complaint for complaint in heard)
