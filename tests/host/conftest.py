"""The small checkpoints, loaded by the host's own loaders, prompts for them, and the tables of what was noted."""

import os
from pathlib import Path

import pytest
import torch

from harness.host.precision import tolerances
from harness.inputs import file_kinds
from harness.structure import parity_table

TEXT_DIM = 32


def pytest_collection_modifyitems(items):
    """A node that tells something and shows it nowhere fails."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("error::wan_vace.vace_core.notes.UnheardNote"))


@pytest.fixture(autouse=True)
def _cpu_only(request):
    """Skip what is marked ``cpu(reason)`` where the host computes on something else."""
    if marker := request.node.get_closest_marker("cpu"):
        request.getfixturevalue("host")
        import comfy.model_management

        if comfy.model_management.get_torch_device().type != "cpu":
            pytest.skip(marker.kwargs["reason"])


@pytest.fixture(autouse=True)
def _newer_host_only(request):
    """Skip what is marked ``since(version, reason)`` on an older host."""
    if marker := request.node.get_closest_marker("since"):
        request.getfixturevalue("host")
        from comfyui_version import __version__

        wanted, *have = (tuple(map(int, version.split(".")[:3])) for version in (*marker.args, __version__))
        if have < [wanted]:
            pytest.skip(f"since {marker.args[0]}: {marker.kwargs['reason']}")


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


@pytest.fixture(scope="module")
def attached(call, plain_model):
    """The plain model with the adapter on it."""
    adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]
    return call("VaceApplyAdapter", model=plain_model, adapter=adapter)[0]


@pytest.fixture(scope="session")
def vae(call):
    return call("VAELoader", vae_name="small_wan_vae.safetensors")[0]


@pytest.fixture
def prompts():
    """A positive and a negative conditioning, as a text encoder would give them."""
    generator = torch.Generator().manual_seed(7)
    return [[[torch.randn(1, 24, TEXT_DIM, generator=generator), {}]] for _ in range(2)]


@pytest.fixture
def setting(call, vae, vace_model, plain_model, prompts, tmp_path):
    """Merged and plain model with the same weights, for the cases that compare them.

    Nothing is loaded when a case begins: the host's EasyCache asks a model that is still loaded for its shift, and so
    takes that of whatever was sampled before (ComfyUI 0.30.0, ``easycache_sample_wrapper``).
    """
    import comfy.model_management

    from .adapter.test_cases import Setting

    comfy.model_management.unload_all_models()
    adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]
    return Setting(call, vae, vace_model, plain_model, adapter, prompts, tmp_path)


@pytest.fixture
def lora_folder(host, tmp_path):
    """The test's own folder among those of the LoRAs."""
    import folder_paths

    folders = folder_paths.folder_names_and_paths["loras"][0]
    folders.append(str(tmp_path))
    yield
    folders.remove(str(tmp_path))


def encode(call, vae, references=0, frames=25, seed=1):
    """A context of noise, for the contexts below."""
    generator = torch.Generator().manual_seed(seed)
    video = torch.rand(frames, 32, 48, 3, generator=generator)
    mask = (torch.rand(frames, 32, 48, generator=generator) > 0.5).float()
    pictures = {f"reference_image_{i}": torch.rand(1, 32, 48, 3, generator=generator) for i in range(references)}
    settings = {"width": 0, "height": 0, "length": 0, "fit": "cover", "inside_mask": "control", "soft_mask": False}
    vcu = call("VaceBuildVcu", references=pictures, control_video=video, control_masks=mask, **settings)[0]
    return call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]


@pytest.fixture(scope="module")
def models(call, vace_model, plain_model):
    """By kind: a model, and what makes it ready to sample once it is prepared, for the tests of windows."""
    adapter = call("VaceLoadAdapter", adapter_name="small_vace_adapter.safetensors")[0]

    def attach(model):
        return call("VaceApplyAdapter", model=model, adapter=adapter)[0]

    return {"merged": (vace_model, lambda model: model), "attached": (plain_model, attach)}


@pytest.fixture(params=["merged", "attached"])
def model(request, models):
    """Each of the models in turn."""
    base, finish = models[request.param]
    return finish(base)


@pytest.fixture(scope="module")
def contexts(call, vae):
    """By number of references."""
    return [encode(call, vae, references) for references in range(3)]


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


@pytest.fixture
def near(vace_model):
    """Tolerances for results of the models, as keywords: those of float32, or wider where the host computes in less."""
    computed = vace_model.model.get_dtype_inference(), vace_model.load_device
    return lambda expected, rtol=1.3e-6, atol=1e-5: tolerances(*computed, expected, rtol, atol)


def pytest_terminal_summary(terminalreporter):
    """Write the tables that ``dev.py parity`` and ``dev.py layouts`` ask for from what the tests noted."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    noted = [each for report in reports for each in report.user_properties]
    if os.environ.get("WAN_VACE_LAYOUTS"):
        from comfyui_version import __version__

        kinds, loras = ([value for name, value in noted if name == wanted] for wanted in ("layout", "lora"))
        file_kinds.write(f"ComfyUI {__version__}", kinds, loras)
    if not os.environ.get("WAN_VACE_PARITY"):
        return
    rows = dict(value for name, value in noted if name == "parity")
    from comfyui_version import __version__

    parity_table.update(parity_table.FILE, f"ComfyUI {__version__}", rows)
    terminalreporter.section("largest difference to the merged model")
    for case, difference in rows.items():
        terminalreporter.write_line(f"{case:44} {difference:.2g}")
