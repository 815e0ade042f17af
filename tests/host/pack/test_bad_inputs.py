"""Every input of every node with what it cannot be: the host refuses it, or a sentence of ours, and nothing else."""

import os

import pytest

from harness.host.client import PromptFailedError
from harness.host.locations import ROOT
from harness.host.server import ComfyServer
from harness.inputs import bad_inputs
from harness.structure import schema

pytestmark = [pytest.mark.host, pytest.mark.server]

NODES = sorted(schema.load())


@pytest.fixture(scope="module")
def server():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ComfyServer(arguments=("--cache-lru", "64")) as running:
        vcu = bad_inputs.Case("VaceSaveVcu", "a file for VACE Load VCU", {"vcu": ["vcu", 0]})
        bad_inputs.queue(running, vcu)
        running.wait_idle()
        yield running


@pytest.fixture(scope="module")
def object_info(server):
    return server.object_info()


def test_a_client_sees_our_error_by_one_name_and_with_its_sentence(server):
    prompt = bad_inputs.SOURCES | {"split": {"class_type": "VaceSplitByMask", "inputs": {"control_video": None}}}
    prompt["split"]["inputs"]["control_masks"] = ["mask", 0]
    prompt["shown"] = {"class_type": "PreviewImage", "inputs": {"images": ["split", 0]}}
    with pytest.raises(PromptFailedError) as failure:
        server.run(prompt)
    assert failure.value.exception_type == "wan_vace.VaceInputError"
    message = "control_video is empty; it must be IMAGE. Connect an output of that type."
    assert failure.value.exception_message.strip() == message
    script = (ROOT / "web" / "js" / "wan_vace.js").read_text("utf-8")
    assert 'exception_type?.endsWith("VaceInputError")' in script


@pytest.mark.parametrize("node", NODES)
def test_bad_inputs_are_refused_by_the_host_or_with_a_sentence(server, object_info, node):
    described = schema.describe({node: object_info[node]})[node]
    required = object_info[node]["input"]["required"].items()
    files = {name: options["options"] for name, (kind, options) in required if kind == "COMBO"}
    cases = list(bad_inputs.cases_of(node, described, files))
    accepted = [case for case, no in zip(cases, bad_inputs.refused(server, cases), strict=True) if not no]
    run = accepted if node not in bad_inputs.NOT_RUN else []
    prompts = {bad_inputs.queue(server, case): case for case in run}
    server.wait_idle()
    history = server.get("/history")
    answers = {case.what: bad_inputs.answer(history[one]) for one, case in prompts.items()}
    assert accepted or [] in files.values()  # there are no LoRAs to choose
    wrong = {what: raised for what, raised in answers.items() if raised and not raised.startswith(bad_inputs.OURS)}
    assert not wrong, "\n".join(f"{node}: {what}: {raised}" for what, raised in wrong.items())
