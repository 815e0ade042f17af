"""A host and a browser for the tests of the front end."""

import os

import pytest

from harness.browser.browser import chromium, missing, serve_front_end


@pytest.fixture(scope="module")
def front_end():
    """A host and a browser. Where there is no browser these tests are skipped, but on CI that is a failure."""
    if sentence := missing():
        without = pytest.fail if os.environ.get("CI") else pytest.skip
        without(sentence)
    with serve_front_end() as server, chromium() as browser:
        yield server, browser
