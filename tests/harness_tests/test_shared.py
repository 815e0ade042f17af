"""Packages of one environment as links in another."""

from harness.host.shared import link_packages, share_packages, site_packages


def environment(folder, packages):
    """An environment without programs; gives its site-packages."""
    place = folder / "lib" / "python3.11" / "site-packages"
    place.mkdir(parents=True)
    for name, required in packages.items():
        info = place / f"{name}-1.0.dist-info"
        info.mkdir()
        (place / f"{name}.py").write_text(name)
        needs = "".join(f"Requires-Dist: {one}\n" for one in required)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
        (info / "RECORD").write_text(
            f"{name}.py,,\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n../../../bin/{name},,\n"
        )
    return place


def test_a_package_comes_with_what_it_needs_and_nothing_else(tmp_path):
    needs = {
        "torch": ["nvidia_cudnn (>=9)", "pytest ; extra == 'dev'"],
        "nvidia-cudnn": [],
        "pytest": [],
        "aiohttp": [],
    }
    source, target = environment(tmp_path / "a", needs), environment(tmp_path / "b", {"pip": []})
    assert sorted(link_packages(source, target, ["torch", "torchvision"])) == ["nvidia-cudnn", "torch"]
    assert {path.name for path in target.iterdir() if path.suffix == ".py"} == {"pip.py", "torch.py", "nvidia-cudnn.py"}
    assert (target / "torch.py").samefile(source / "torch.py") and not (tmp_path / "b" / "bin").exists()
    (target / "torch.py").unlink()  # as pip does before it writes another
    assert (source / "torch.py").read_text() == "torch"


def test_what_is_there_stays(tmp_path):
    source, target = environment(tmp_path / "a", {"torch": []}), environment(tmp_path / "b", {"torch": []})
    assert link_packages(source, target, ["torch"]) == []
    assert not (target / "torch.py").samefile(source / "torch.py")


def test_only_an_environment_of_the_same_python_that_has_it_is_used(tmp_path):
    for name in ("empty", "full"):
        environment(tmp_path / name, {"torch": []} if name == "full" else {})
    (tmp_path / "full" / "lib" / "python3.11" / "site-packages" / "torch").mkdir()
    new = environment(tmp_path / "new", {})
    share_packages(
        tmp_path / "new", [tmp_path / "gone", tmp_path / "empty", tmp_path / "new", tmp_path / "full"], ["torch"]
    )
    assert (new / "torch.py").is_file() and site_packages(tmp_path / "gone") is None
