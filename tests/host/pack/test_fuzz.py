"""Prompts made by chance against one server: a short run of `python dev.py fuzz`, with a seed that stays."""

import copy
import json
import os

import pytest

from harness.fuzz.graphs import DIGEST, with_sources
from harness.fuzz.outcomes import OUR_ERROR, REFUSED, SUCCESS
from harness.fuzz.session import Session, replay
from harness.host.server import ComfyServer

pytestmark = [pytest.mark.host, pytest.mark.server]

SEED, PROMPTS = 20, 60


@pytest.fixture(scope="module")
def server():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ComfyServer(arguments=("--cache-lru", "64")) as running:
        yield running


def test_nothing_dies_hangs_or_fails_without_a_sentence(server, tmp_path):
    session = Session(server, SEED, tmp_path)
    assert session.grower.ours == sorted(one for one in server.object_info() if one.startswith("Vace"))
    while session.report.prompts < PROMPTS:
        session.step()
    session.rest()
    report = session.end()
    assert not report.faults, report.as_text()
    assert report.computed_again
    assert all(report.outcomes[kind] for kind in (SUCCESS, REFUSED, OUR_ERROR)), report.as_text()


def test_a_written_prompt_is_asked_again_without_what_is_in_the_cache(server, tmp_path):
    good = with_sources({"n0": {"class_type": "VaceEncodeVcu", "inputs": {"vae": ["vae", 0], "vcu": ["vcu", 0]}}})
    good["digest"] = {"class_type": DIGEST, "inputs": {"input_0": ["n0", 0]}}
    bad = copy.deepcopy(good)
    bad["n0"]["inputs"]["vcu"] = ["mask", 0]
    refused = copy.deepcopy(good)
    del refused["n0"]["inputs"]["vae"]
    file = tmp_path / "fault.json"
    file.write_text(json.dumps({"prompts": [good, bad, refused]}))
    found = list(replay(server, file))
    assert [one.kind for one in found] == [SUCCESS, SUCCESS, REFUSED, REFUSED, REFUSED, REFUSED]
    assert found[0].digests == found[1].digests != ()
    assert found[1].computed
