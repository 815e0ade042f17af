"""One Ray for all tests of batches, and batches of prompts."""

import pytest

from harness.cluster.batches import PROMPT, write_table, write_workflow
from harness.cluster.running import Batch, ray_head, stub_host


@pytest.fixture(scope="session")
def ray_address(tmp_path_factory):
    """Where a Ray of these tests answers; it is ended with them."""
    with ray_head(tmp_path_factory.mktemp("ray"), cpus=8) as address:
        yield address


@pytest.fixture
def batch_at(tmp_path):
    """Makes a batch of prompts on the stub, by a Ray at an address."""

    def make(address, prompts, folder="batch"):
        rows = [{"job": name, PROMPT: text} for name, text in prompts.items()]
        table, graph = write_table(tmp_path / "shots.csv", rows), write_workflow(tmp_path, "text_to_video")
        return Batch(tmp_path / folder, graph, table, stub_host(), address)

    return make


@pytest.fixture
def batch(batch_at, ray_address):
    """The same, by the Ray of these tests."""
    return lambda prompts, folder="batch": batch_at(ray_address, prompts, folder)
