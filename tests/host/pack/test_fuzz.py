"""Prompts made by chance against one server: a short run of `python dev.py fuzz`, with a seed that stays."""

import os

import pytest

from harness.fuzz.outcomes import OUR_ERROR, REFUSED, SUCCESS
from harness.fuzz.session import Session
from harness.host.server import ComfyServer

pytestmark = [pytest.mark.host, pytest.mark.server]

SEED, PROMPTS = 20, 40


@pytest.fixture(scope="module")
def server():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ComfyServer(arguments=("--cache-lru", "64")) as running:
        yield running


def test_nothing_dies_hangs_or_fails_without_a_sentence(server, tmp_path):
    session = Session(server, SEED, tmp_path)
    while session.report.prompts < PROMPTS:
        session.step()
    session.rest()
    report = session.end()
    assert not report.faults, report.as_text()
    assert all(report.outcomes[kind] for kind in (SUCCESS, REFUSED, OUR_ERROR)), report.as_text()
