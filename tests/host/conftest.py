"""The small checkpoints, loaded by the host's own loaders, and prompts for them."""

import pytest
import torch

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
