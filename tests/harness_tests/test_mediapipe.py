"""The networks that tests take from mediapipe's wheel."""

import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from harness import verbs
from harness.host import install, mediapipe
from harness.host.locations import Host, SetupError

PYTHON = Path(sys.executable)


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel of small files, which pip would download; and what it was asked for."""
    monkeypatch.setenv("WAN_VACE_DEV", str(tmp_path / "dev"))
    asked, path = [], tmp_path / mediapipe.WHEEL
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mediapipe/__init__.py", "raise AssertionError")
        for name, folder in mediapipe.FOLDERS.items():
            archive.writestr(f"mediapipe/modules/{folder}/{name}", name)
    digests = {name: sha256(name.encode()).hexdigest() for name in mediapipe.FOLDERS}
    monkeypatch.setattr(mediapipe, "SHA256", digests)
    monkeypatch.setattr(mediapipe, "WHEEL_SHA256", install.sha256(path))

    def download(python, arguments):
        asked.append(arguments[-1])
        (Path(arguments[arguments.index("--dest") + 1]) / path.name).write_bytes(path.read_bytes())

    monkeypatch.setattr(install, "_pip", download)
    return asked


def test_they_are_taken_out_once_and_again_when_one_is_damaged(wheel):
    for _ in range(2):
        folder = mediapipe.fetch_networks(PYTHON)
        assert {path.name: path.read_text() for path in folder.iterdir()} == {n: n for n in mediapipe.FOLDERS}
    assert wheel == ["mediapipe==0.10.14"] and [path.name for path in folder.parent.iterdir()] == [folder.name]
    (folder / "pose_detection.tflite").write_bytes(b"cut")
    mediapipe.fetch_networks(PYTHON)
    assert len(wheel) == 2 and (folder / "pose_detection.tflite").read_text() == "pose_detection.tflite"


def test_another_file_in_the_wheel_is_refused(wheel, monkeypatch):
    monkeypatch.setitem(mediapipe.SHA256, "selfie_segmentation.tflite", "abc")
    with pytest.raises(SetupError, match=r"selfie_segmentation\.tflite should have sha256 abc"):
        mediapipe.fetch_networks(PYTHON)
    assert not mediapipe.are_here()


def test_only_tests_want_them_and_go_on_without_a_network(wheel, monkeypatch, capsys):
    def offline(python, arguments):
        raise SetupError("pip found nothing.")

    host = Host(tmp := mediapipe.networks(), PYTHON, own=True)
    monkeypatch.setattr(install, "_pip", offline)
    monkeypatch.setattr(verbs.install, "ready", lambda: host)
    monkeypatch.setattr(verbs.base_directory, "fill", lambda ready: tmp)
    assert verbs.set_up() is host and "pip found nothing" not in capsys.readouterr().out
    assert verbs.set_up_tests() is host and "pip found nothing. Tests that need it say so." in capsys.readouterr().out
