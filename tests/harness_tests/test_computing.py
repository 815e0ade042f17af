"""What the host computes on and in: the command line of servers, and a real host in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.host import computing
from harness.host.dtypes import read_counts
from harness.host.locations import Host, SetupError, locate
from harness.host.precision import UNET_FLAGS, tolerances, unet_flag
from harness.host.processes import tool_env
from harness.host.server import ComfyServer

PYTHON = Path(sys.executable)
LOAD = """
from harness.host.inprocess import load_host
call = load_host()
model = call("UNETLoader", unet_name="small_wan_vace.safetensors", weight_dtype="default")[0].model
print(model.get_dtype(), model.get_dtype_inference())
"""


@pytest.fixture
def accelerated(monkeypatch):
    """As if the machine had an accelerator, or none."""

    def pretend(found):
        monkeypatch.setattr(computing, "has_accelerator", lambda _: found)

    for name in (computing.DEVICE, computing.FLAGS, computing.COMPUTE):
        monkeypatch.delenv(name, raising=False)
    return pretend


@pytest.mark.parametrize(
    ("found", "device", "cpu", "expected"),
    [
        (False, "", None, ["--cpu"]),
        (True, "", None, []),
        (True, "cpu", None, ["--cpu"]),
        (True, "", True, ["--cpu"]),
        (False, "", False, []),
        (True, "cpu", False, ["--cpu"]),
    ],
)
def test_the_host_chooses_where_there_is_an_accelerator(accelerated, monkeypatch, found, device, cpu, expected):
    accelerated(found)
    monkeypatch.setenv(computing.DEVICE, device)
    assert computing.computing_flags(PYTHON, cpu) == expected


def test_flags_reach_the_command_line_of_servers_once(accelerated, monkeypatch, tmp_path):
    accelerated(False)
    monkeypatch.setenv(computing.FLAGS, "--cpu --bf16-unet")
    server = ComfyServer(host=locate(), arguments=("--cache-lru", "64"))
    assert [word for word in server._command() if word in ("--cpu", "--bf16-unet")] == ["--cpu", "--bf16-unet"]


@pytest.mark.parametrize("name", [computing.DEVICE, computing.COMPUTE])
def test_words_that_mean_nothing_are_refused(accelerated, monkeypatch, name):
    accelerated(False)
    monkeypatch.setenv(name, "gpu")
    with pytest.raises(SetupError, match=f"{name} is 'gpu'. Set it to"):
        computing.computing_flags(PYTHON)
        computing.compute_as_told()


@pytest.mark.long
@pytest.mark.host
@pytest.mark.parametrize(
    ("flags", "compute", "found"),
    [
        ("--bf16-unet", "", "torch.bfloat16 torch.float32"),
        ("", "16-bits", "torch.float16 torch.float16"),
    ],
)
def test_a_host_keeps_and_computes_models_as_it_is_told(host, flags, compute, found):
    at = locate()
    wanted = {computing.DEVICE: "cpu", computing.FLAGS: flags, computing.COMPUTE: compute}
    env = tool_env(Host(at.comfyui, at.python, own=at.own)) | wanted
    done = subprocess.run([str(at.python), "-c", LOAD], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == [found], done.stderr


@pytest.mark.host
def test_within_a_flag_no_other_counts_and_after_it_all_are_as_before(host):
    from comfy.cli_args import args

    before = dict(vars(args))
    with unet_flag("bf16_unet"):
        with unet_flag("fp32_unet"):
            assert [name for name in UNET_FLAGS if getattr(args, name, False)] == ["fp32_unet"]
        assert [name for name in UNET_FLAGS if getattr(args, name, False)] == ["bf16_unet"]
    assert vars(args) == before


def test_float32_is_compared_as_strictly_as_a_test_says():
    values, cpu, gpu = torch.tensor([0.5, -8.0]), torch.device("cpu"), torch.device("cuda")
    assert tolerances(torch.float32, cpu, values, 1e-5, 1e-6) == {"rtol": 1e-5, "atol": 1e-6}
    assert tolerances(torch.float32, gpu, values, 1e-5, 1e-6) == {
        "rtol": pytest.approx(1e-4),
        "atol": pytest.approx(1e-5),
    }
    sixteen = {dtype: tolerances(dtype, cpu, values, 1e-5, 1e-6) for dtype in (torch.float16, torch.bfloat16)}
    assert sixteen[torch.float16] == {"rtol": 0.0, "atol": pytest.approx(16 * 2**-10 * 8)}
    assert sixteen[torch.bfloat16] == {"rtol": 0.0, "atol": pytest.approx(16 * 2**-7 * 8)}


def test_counts_are_read_from_the_report_that_pytest_writes(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_a(): pass\n"
        "def test_b(): pass\n"
        "def test_c(): assert False\n"
        "def test_d(): pytest.skip()\n"
        "def test_e(nothing): pass\n",
        "utf-8",
    )
    report = tmp_path / "report.xml"
    argv = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", "--rootdir", str(tmp_path), str(tmp_path)]
    subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False)
    assert read_counts(report) == (2, 2, 1)
    assert read_counts(tmp_path / "none.xml") == (0, 0, 0)
