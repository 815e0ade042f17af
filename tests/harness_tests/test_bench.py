"""What ``dev.py bench`` runs, and the tables it writes."""

import importlib.util
import json
import sys

import pytest

from harness import bench
from harness.host.locations import ROOT, SetupError


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("bench_table", ROOT / "benchmarks" / "_table.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "bench_table", module)
    spec.loader.exec_module(module)
    return module


def test_without_a_name_the_rows_beside_the_core_are_run_quickly_and_in_full_when_asked():
    assert bench.chosen([]) == (list(bench.SIDE_BY_SIDE), True)
    assert bench.chosen(["--full"]) == (list(bench.SIDE_BY_SIDE), False)
    assert bench.chosen(["crop_stitch.py"]) == (["crop_stitch"], False)
    assert set(bench.SIDE_BY_SIDE) <= set(bench.scripts())
    with pytest.raises(SetupError, match="No benchmark speed; there are: adapter_step"):
        bench.chosen(["speed"])


def test_every_benchmark_beside_the_core_has_a_quick_form():
    for name in bench.SIDE_BY_SIDE:
        source = bench.scripts()[name].read_text("utf-8")
        assert "is_quick()" in source and "RESULT" in source, name


def test_a_table_is_the_same_as_text_and_as_json(table, monkeypatch, tmp_path, capsys):
    rows = [
        ("one", 12, table.ratios([(3.0, 2.0), (1.0, 2.0), (4.0, 2.0)]), True),
        ("two", 0.5, "0.9 / 1.0 / 1.2", False),
    ]
    page = str(table.Table("Title", "Told.", ("row", "count", "ratio", "same"), rows))
    monkeypatch.setenv(table.QUICK, str(tmp_path))
    table.keep(page, ROOT / "benchmarks" / "results" / "made.md")
    assert not (ROOT / "benchmarks" / "results" / "made.md").exists()
    text = (tmp_path / "made.md").read_text()
    assert "| one | 12 | 1.5 (0.5 to 2) | yes |" in text and "| two | 0.5 | 0.9 / 1.0 / 1.2 | NO |" in text
    kept = json.loads((tmp_path / "made.json").read_text())
    assert kept["rows"] == [
        {"row": "one", "count": 12.0, "ratio": {"median": 1.5, "min": 0.5, "max": 2.0}, "same": True},
        {"row": "two", "count": 0.5, "ratio": {"min": 0.9, "median": 1.0, "max": 1.2}, "same": False},
    ]
    assert {"ComfyUI", "PyTorch", "processor"} <= set(kept["machine"]) and "1.5 (0.5 to 2)" in capsys.readouterr().out
    gathered = bench.gather(tmp_path, ["made"])
    assert gathered.read_text() == text
    assert json.loads(gathered.with_suffix(".json").read_text()) == {"made": kept}


def test_columns_of_one_name_are_refused_for_one_would_be_lost(table):
    with pytest.raises(ValueError, match=r"Columns of one name in a table: \| row \| ratio \| ratio \|"):
        table.as_values("| row | ratio | ratio |\n|---|--:|--:|\n| one | 1 | 2 |")
