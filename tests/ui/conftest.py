"""A host and a browser for all tests here, and a page in each node mode, on which nothing may complain."""

import contextlib
from pathlib import Path

import pytest

from harness.browser.browser import MODES, front_end_or_skip
from harness.browser.canvas import Canvas
from harness.inputs.blank import blank_clip

VIEW = {"width": 1000, "height": 1000}  # a page with more to draw is slower
CLIPS = {"one_frame": 1, "two_thousand_frames": 2000}


def pytest_collection_modifyitems(items):
    """Mark the tests of this folder; pytest gives the hook all there are."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.ui)


@pytest.fixture(scope="session")
def front_end():
    """A host and a browser."""
    with front_end_or_skip() as both:
        yield both


@pytest.fixture(scope="session")
def clips(front_end):
    """Names of input files by what is special about them; gone again afterwards."""
    folder = front_end[0].base / "input"
    files = {name: folder / f"ui_{name}.mp4" for name in CLIPS}
    with contextlib.ExitStack() as stack:
        for name, file in files.items():
            stack.callback(file.unlink, missing_ok=True)
            blank_clip(file, CLIPS[name])
        yield {name: file.name for name, file in files.items()}


@pytest.fixture(scope="session")
def only_page(front_end):
    """The page that all tests share."""
    server, browser = front_end
    page = browser.new_page(viewport=VIEW)
    yield Canvas(page, server.url)
    page.close()


@pytest.fixture(scope="session", params=MODES)
def mode(request, only_page):
    """Each way of drawing nodes in turn."""
    only_page.set_mode(request.param)
    return request.param


@pytest.fixture
def canvas(only_page, mode):
    """The page; afterwards it has thrown nothing and asked no other machine."""
    only_page.complaints.clear()
    yield only_page
    assert not only_page.complaints
    assert not only_page.strangers
