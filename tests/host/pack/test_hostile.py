"""Every reader with files that were made to do harm, each in a process of its own: `python dev.py hostile`."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.host

READERS = {
    *("adapter, safetensors", "adapter, index of parts", "adapter, config.json", "adapter, GGUF", "adapter, pth"),
    *("LoRA, safetensors", "LoRA, pth", "weights of an annotator, pth", "TorchScript", "ONNX, by onnxruntime"),
    "TensorFlow Lite",
    *("ONNX, by OpenCV", "VCU", "run, manifest", "run, frames", "annotation that was kept", "poses, JSON", "videos"),
    *("videos, their sound", "name of a VCU to load", "name of a VCU to save", "name of an adapter"),
    *("name of a LoRA", "name of a run"),
}


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process for each file is forked, which Windows cannot do")
def test_every_hostile_file_is_refused_in_a_sentence_with_little_memory_and_time(tmp_path):
    argv = [sys.executable, "-m", "harness.hostile", "--json", str(tmp_path / "found.json")]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
    found = json.loads((tmp_path / "found.json").read_text())
    assert not any(found.values()), run.stdout[-5000:] + run.stderr[-2000:]
    assert {name.partition(": ")[0] for name in found} == READERS
