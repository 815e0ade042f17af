"""Folders that the tests of signals may fill."""

import pytest


@pytest.fixture
def empty_folders(host, tmp_path, monkeypatch):
    """Empty temp and models folders."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path / "temp"))
    monkeypatch.setattr(folder_paths, "models_dir", str(tmp_path / "models"))
    monkeypatch.delenv("AUX_ANNOTATOR_CKPTS_PATH", raising=False)
