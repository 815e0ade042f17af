"""The acceptance on an accelerator, run at small shapes on the CPU: real processes, a real host, real files."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from harness.gpu import __main__ as program
from harness.gpu import page
from harness.gpu.record import FAILED, read_record
from harness.gpu.scratch import IN_MEMORY, PREFIX
from harness.host.computing import DEVICE
from harness.host.locations import ROOT, dev_dir

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("host")]

SHAPES = ("48x32x5", "64x48x5")
MODEL_ROWS = (
    "plain base",
    "attached adapter, strength 0",
    "attached adapter, strength 1",
    "merged model, strength 1",
    "merged model, strength 0",
    "attached adapter, off after 45 % of 4 steps",
)
EQUAL_ROWS = (MODEL_ROWS[1], MODEL_ROWS[3])
ENCODE_ROWS = ("control video and reference", "decode", "control video, mask and reference")


def command(out, *arguments):
    return [sys.executable, "-m", "harness.gpu", "--tiny", "--out", str(out), *arguments]


def environment():
    """On the CPU, whatever this machine has."""
    return os.environ | {"PYTHONPATH": str(ROOT / "tests"), DEVICE: "cpu", "OMP_NUM_THREADS": "1"}


def own_scratch(process):
    return [folder for place in scratch_places() for folder in place.glob(f"{PREFIX}{process}-*")]


def scratch_places():
    return [place for place in (IN_MEMORY, Path(tempfile.gettempdir())) if place.is_dir()]


@pytest.fixture(scope="module")
def dry_run(tmp_path_factory):
    """A run of encode and models: its end, and what it wrote."""
    out = tmp_path_factory.mktemp("gpu") / "a folder of alice"
    parts = "encode,models:1.3B"
    argv = command(out, "--parts", parts, "--budget", "500")
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False, timeout=540)
    return done, read_record(out / "gpu_cpu_tiny.json"), (out / "gpu_cpu_tiny.md").read_text("utf-8")


def rows_of(record, part, group=None):
    return {row.what: row for row in record.rows if row.part == part and group in (None, row.group)}


def test_it_passes_with_all_that_must_be_equal(dry_run):
    done, record, text = dry_run
    assert done.returncode == 0, done.stdout + done.stderr
    assert record.finished and page.passed(record)
    assert "\n**PASSED**\n" in text and "- Equal to the bit: 10 of 10 that must be.\n" in text
    assert {state.split(" after ")[0] for state in record.tasks.values()} == {"ended"}


def test_every_row_of_the_models_is_measured(dry_run):
    rows = rows_of(dry_run[1], "models", "1.3B")
    for shape in SHAPES:
        for what in MODEL_ROWS:
            row = rows[f"{shape}, {what}"]
            assert row.state == "done" and row.per == "forward" and all(each > 0 for each in row.seconds)
            assert row.equal is (True if what in EQUAL_ROWS else None)
            assert bool(row.ratios) == (what != "plain base") and row.peak >= row.before > 0
        assert rows[f"{shape}, {MODEL_ROWS[1]}"].within in (True, False)
    assert len(rows["adapter, read out of the merged file"].seconds) >= len(SHAPES)


@pytest.mark.long
def test_every_kind_of_file_is_measured(tmp_path):
    """But torch.compile, for which the CPU takes minutes: tried where there is time for it."""
    argv = command(tmp_path, "--parts", "models:kinds", "--budget", "200")
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False, timeout=300)
    rows = rows_of(read_record(tmp_path / "gpu_cpu_tiny.json"), "models")
    assert done.returncode == 0, done.stdout + done.stderr
    compiled = rows.pop("torch.compile (inductor)")
    assert compiled.state == "skipped" and compiled.note == "no time left; it takes about 240 s"
    assert len(rows) == 7 and {row.state for row in rows.values()} == {"done"}
    assert rows["float32 file, same bits and same memory"].equal
    for name in ("fp8 base, bfloat16 adapter", "GGUF adapter (Q8_0) on the same base"):
        far = float(re.fullmatch(r"finite, (\S+) off the bfloat16 file", rows[name].note)[1])
        assert 0 < far < 0.1


def test_encode_and_decode_are_the_core_nodes(dry_run):
    rows = rows_of(dry_run[1], "encode")
    names = [
        f"{shape}, {what}, {whose}" for shape in SHAPES for what in ENCODE_ROWS for whose in ("core node", "this pack")
    ]
    assert sorted(rows) == sorted(names)
    assert [row.equal for name, row in rows.items() if name.endswith("this pack")] == [True] * 6


@pytest.mark.long
def test_annotators_are_told_by_frame(tmp_path):
    argv = command(tmp_path, "--parts", "annotators", "--budget", "200")
    subprocess.run(argv, env=environment(), capture_output=True, check=False, timeout=300)
    rows = rows_of(read_record(tmp_path / "gpu_cpu_tiny.json"), "annotators")
    assert len(rows) == 7 and {(row.state, row.per) for row in rows.values()} == {("done", "frame")}
    assert rows["flow, RAFT large"].seconds > rows["gray"].seconds


def test_the_report_can_be_sent_to_others(dry_run):
    """Nothing of this machine's folders, its user or its name is in it; what tells machines apart is."""
    _, record, text = dry_run
    whole = text + record.as_json()
    names = {os.environ.get("USER", ""), Path.home().name, "alice"} - {"", "root"}
    for private in (str(ROOT), str(dev_dir()), sys.prefix, tempfile.gettempdir(), *names):
        assert private not in whole
    assert not re.findall(r"(?<![\w.…])/\w+/\w+", whole)
    facts = record.machine
    assert facts["ComfyUI"] and facts["PyTorch"].startswith(__import__("torch").__version__)
    assert facts["dynamic VRAM"] == "off: computed on the CPU"
    for name, value in facts.items():
        assert f"| {name} | {value} |" in text


def test_nothing_is_left_behind(dry_run):
    for place in scratch_places():
        assert not [folder for folder in place.glob(f"{PREFIX}*") if not alive(folder)]


def alive(folder):
    return psutil.pid_exists(int(folder.name.removeprefix(PREFIX).split("-")[0]))


def wait_for(found, seconds=240):
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


# The program, whose parts measure one row without the host, begin weights, and would go on for ever.
PART = """
import sys, time
sys.modules["harness.gpu.annotators"] = sys.modules["harness.gpu.models"] = sys.modules["__main__"]
from harness.gpu import child
def run(session):
    session.try_row("what was measured", lambda: {"seconds": (0.5,)})
    session.scratch.mkdir(parents=True)
    (session.scratch / "weights").write_bytes(bytes(1000))
    session.begin("what was cut off")
    time.sleep(600)
child.main()
"""
ENDLESS = f"""
import sys
from harness.gpu import __main__ as program, running
whole = running._command
running._command = lambda *given: [sys.executable, "-c", {PART!r}, *whole(*given)[3:]]
sys.exit(program.main(sys.argv[1:]))
"""


def test_a_run_that_is_killed_leaves_what_it_measured(tmp_path):
    """First the process of a part, in whose place the next begins; then the program itself, and its child ends."""
    out, parts = tmp_path / "out", ("annotators", "models")
    argv = [sys.executable, "-c", ENDLESS, *command(out, "--parts", "annotators,models:1.3B", "--budget", "500")[3:]]
    run = subprocess.Popen(argv, env=environment(), stdout=subprocess.DEVNULL)
    file, seen = out / "gpu_cpu_tiny.json", []

    def rows(part):
        record = read_record(file) if file.is_file() else None  # whole whenever it is there
        return [row for row in record.rows if row.part == part] if record else []

    def weights():
        return [file for folder in own_scratch(run.pid) for file in folder.rglob("weights")]

    try:
        wait_for(lambda: rows("annotators") and weights())
        (child,) = psutil.Process(run.pid).children()
        child.send_signal(signal.SIGKILL)
        wait_for(lambda: rows("models") and weights())
        seen = psutil.Process(run.pid).children()
    finally:
        run.kill()
        run.wait()
    record, text = read_record(file), (out / "gpu_cpu_tiny.md").read_text("utf-8")
    (failed,) = (row for row in record.rows if row.state == FAILED)
    assert (failed.part, failed.what) == ("annotators", "what was cut off")
    assert "its process was ended by SIGKILL" in failed.note
    assert [(row.part, row.seconds) for row in record.rows if row != failed] == [(part, (0.5,)) for part in parts]
    assert not record.finished and "**NOT PASSED**" in text
    assert "NOT FINISHED, cut off or still running: ended: annotators; was in: models:1.3B; not begun: none." in text
    assert all(f"| {row.what} |" in text for row in record.rows)
    _, still = psutil.wait_procs(seen, timeout=15)
    assert seen and not still
    assert not [file for folder in own_scratch(run.pid) for file in folder.iterdir()]


def test_a_machine_without_an_accelerator_is_told_what_to_do():
    found = {"facts": {"PyTorch": "2.11.0, CUDA 12.8"}, "sees": {"CUDA or ROCm": False, "MPS": False, "XPU": False}}
    assert re.fullmatch(
        r"No accelerator was found: PyTorch 2\.11\.0, CUDA 12\.8, sees none \(CUDA or ROCm no, MPS no, XPU no\)\. .*"
        r"`python dev\.py gpu --tiny` runs the same at small shapes on the CPU\.",
        program.without_accelerator(found),
    )


def test_nothing_runs_at_real_size_on_the_cpu(tmp_path):
    argv = [word for word in command(tmp_path / "out", "--parts", "encode") if word != "--tiny"]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    assert done.stderr.startswith("error: WAN_VACE_DEVICE is cpu, so no accelerator is used. Leave it out; ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--parts", "modles"), "there is no modles; choose of tests, workflows, models, encode, annotators, "),
        (("--parts", ","), "--parts must name a part"),
        (("--budget", "0"), "--budget must be more than 0 seconds"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(tmp_path, arguments, sentence):
    done = subprocess.run(command(tmp_path, *arguments), env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2 and sentence in " ".join(done.stderr.split())


TESTS = """
import os, sys, pytest
def test_good(): assert os.environ["WAN_VACE_DEVICE"] == "cpu"
def test_bad(): assert 1 == 2, "in /home/alice/ComfyUI/main.py"
@pytest.mark.skip
def test_left_out(): ...
def test_long(): sys.modules["__main__"].used_up()
def test_last(): ...
"""
SUITE = """
import sys, time
from pathlib import Path
from harness.gpu import suite
from harness.gpu.session import Session
folder, rows, enough = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "enough time"
suite.base_directory.fill = lambda host: None
session = Session("tests", "", True, False, folder, rows, time.monotonic() + 600)
def used_up():
    session.end = session.end if enough else 0
session.try_row(suite.WHAT, lambda: suite.run_tests(session, folder))
"""


@pytest.mark.parametrize(
    ("time_for_it", "note"),
    [
        ("enough time", "3 passed, 1 failed, 1 skipped"),
        ("not enough", "2 passed, 1 failed, 1 skipped; 1 of 5 not begun when the time was up"),
    ],
)
def test_tests_are_counted_and_those_that_fail_are_named(tmp_path, time_for_it, note):
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "test_few.py").write_text(TESTS, "utf-8")
    rows = tmp_path / "rows.jsonl"
    argv = [sys.executable, "-c", SUITE, str(tmp_path / "few"), str(rows), time_for_it]
    subprocess.run(argv, env=environment(), check=True, stdout=subprocess.DEVNULL)
    said = [json.loads(line) for line in rows.read_text("utf-8").splitlines()]
    found = {message["row"]["what"]: message["row"] for message in said if "row" in message}
    assert found["tests/host"]["note"] == note
    (failed,) = (row for row in found.values() if row["state"] == "failed")
    assert failed["what"].endswith("test_few.py::test_bad") and "in /home/alice" in failed["note"]
