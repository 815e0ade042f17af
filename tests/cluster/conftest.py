"""One Ray for all tests of batches."""

import pytest

from harness.cluster.running import ray_head


@pytest.fixture(scope="session")
def ray_address(tmp_path_factory):
    """Where a Ray of these tests answers; it is ended with them."""
    with ray_head(tmp_path_factory.mktemp("ray"), cpus=8) as address:
        yield address
