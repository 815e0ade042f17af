"""Getting a front end, and the table of front ends."""

import sys
from pathlib import Path

from harness.browser import front_ends
from harness.browser.placing import Placing
from harness.host import install


def test_the_newest_front_end_is_kept_by_its_version(monkeypatch, tmp_path):
    monkeypatch.setenv("WAN_VACE_DEV", str(tmp_path))
    asked = []

    def pip(python, arguments):
        asked.append(arguments[-1])
        target = Path(arguments[arguments.index("--target") + 1])
        (target / "comfyui_frontend_package" / "static").mkdir(parents=True)
        (target / "comfyui_frontend_package-9.8.7.dist-info").mkdir()

    monkeypatch.setattr(install, "_pip", pip)
    folder = install.front_end("newest", Path(sys.executable))
    assert folder == tmp_path / "front-ends" / "9.8.7" and folder.is_dir()
    assert (
        install.front_end("newest", Path(sys.executable)) == install.front_end("9.8.7", Path(sys.executable)) == folder
    )
    assert asked == ["comfyui-frontend-package"] * 2
    assert [path.name for path in folder.parent.iterdir()] == ["9.8.7"]


def test_a_node_that_failed_is_not_counted():
    good, bad = Placing(["a", "b"], {}, [], 3.2), Placing(["a", "b"], {"b": ["gone"]}, ["thrown: x"], 4.0)
    assert good.passed and not bad.passed and not Placing([], {}, [], 1.0).passed
    assert not Placing(["a"], {}, ["thrown: x"], 1.0).passed
    assert front_ends.table([("1.2", "classic", good), ("1.2", "Nodes 2.0", bad)]).splitlines()[2:] == [
        "| 1.2 | classic | 2 of 2 | 0 | 3 |",
        "| 1.2 | Nodes 2.0 | 1 of 2 | 1 | 4 |",
    ]
