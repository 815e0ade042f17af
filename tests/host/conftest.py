"""The small checkpoints, loaded by the host's own loaders, prompts for them, and the parity table."""

import os

import pytest
import torch

from harness import parity_table

TEXT_DIM = 32


@pytest.fixture(scope="session")
def call(host, host_nodes):
    """Run a node of the host or of the pack by its id; gives its outputs as a tuple."""
    with torch.inference_mode():

        def run(node_id, **inputs):
            node = host.NODE_CLASS_MAPPINGS[node_id]
            if hasattr(node, "GET_SCHEMA"):
                return tuple(node.PREPARE_CLASS_CLONE(None).EXECUTE_NORMALIZED(**inputs).args)
            return getattr(node(), node.FUNCTION)(**inputs)

        yield run


@pytest.fixture(scope="session")
def vace_model(call):
    return call("UNETLoader", unet_name="small_wan_vace.safetensors", weight_dtype="default")[0]


@pytest.fixture(scope="session")
def plain_model(call):
    return call("UNETLoader", unet_name="small_wan_t2v.safetensors", weight_dtype="default")[0]


@pytest.fixture(scope="session")
def vae(call):
    return call("VAELoader", vae_name="small_wan_vae.safetensors")[0]


@pytest.fixture
def prompts():
    """A positive and a negative conditioning, as a text encoder would give them."""
    generator = torch.Generator().manual_seed(7)
    return [[[torch.randn(1, 24, TEXT_DIM, generator=generator), {}]] for _ in range(2)]


@pytest.fixture
def note(record_property):
    """Keep a case's largest difference for the parity table."""
    return lambda case, difference: record_property("parity", (case, float(difference)))


@pytest.fixture
def same(note):
    """Assert that two results are finite and equal to the bit, and keep their difference for the parity table."""

    def check(case, expected, actual):
        note(case, (expected - actual).abs().max())
        assert expected.isfinite().all()
        assert torch.equal(expected, actual)

    return check


def pytest_terminal_summary(terminalreporter):
    """Where ``WAN_VACE_PARITY`` is set, print the noted differences and write them into this host's column."""
    if not os.environ.get("WAN_VACE_PARITY"):
        return
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    rows = dict(value for report in reports for name, value in report.user_properties if name == "parity")
    from comfyui_version import __version__

    parity_table.update(parity_table.FILE, f"ComfyUI {__version__}", rows)
    terminalreporter.section("largest difference to the merged model")
    for case, difference in rows.items():
        terminalreporter.write_line(f"{case:44} {difference:.2g}")
