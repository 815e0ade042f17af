"""A host and a browser for the tests of the front end."""

import pytest

from harness.browser.browser import front_end_or_skip


@pytest.fixture(scope="module")
def front_end():
    """A host and a browser."""
    with front_end_or_skip() as both:
        yield both
