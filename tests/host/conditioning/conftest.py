"""The streamed encoder, the decoder in parts, and VAEs that remember nothing yet."""

import pytest

from harness.host.locations import pack_module


@pytest.fixture
def streaming(host):
    return pack_module("nodes._host.conditioning.streaming")


@pytest.fixture
def memory_of(host):
    """What a VAE has encoded."""
    return pack_module("nodes._host.conditioning.clip_memory").memory_of


@pytest.fixture
def new_vae(host):
    """The small VAE, loaded anew, so that nothing is remembered."""
    import comfy.sd
    import comfy.utils
    import folder_paths

    path = folder_paths.get_full_path("vae", "small_wan_vae.safetensors")

    def load(dtype=None):
        return comfy.sd.VAE(sd=comfy.utils.load_torch_file(path), dtype=dtype)

    return load


@pytest.fixture
def decoding(host_nodes):
    return pack_module("nodes._host.conditioning.decoding")


@pytest.fixture
def decoder_runs(new_vae):
    """A VAE, and a list that grows with each run of its decoder."""
    vae, runs = new_vae(), []
    vae.first_stage_model.decoder.conv1.register_forward_hook(lambda *_: runs.append(1))
    return vae, runs
