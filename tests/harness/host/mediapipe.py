"""Networks that mediapipe's wheel carries, for tests on real footage: taken out of it, the package not installed."""

from __future__ import annotations

import zipfile
from pathlib import Path

from .install import download, require_sha256, sha256
from .locations import dev_dir

VERSION = "0.10.14"
WHEEL = f"mediapipe-{VERSION}-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
WHEEL_SHA256 = "a807328339e7356fda0bb14df12fedbf1d33bdf81649c5f8666b0026b1cc30b4"
# The same files are in the wheels for every system, so this one does everywhere.
FLAGS = ["--only-binary", ":all:", "--python-version", "3.11", "--platform", "manylinux_2_17_x86_64"]
FOLDERS = {
    "pose_detection.tflite": "pose_detection",
    "pose_landmark_full.tflite": "pose_landmark",
    "selfie_segmentation.tflite": "selfie_segmentation",
}
SHA256 = {
    "pose_detection.tflite": "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    "pose_landmark_full.tflite": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "selfie_segmentation.tflite": "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
}


def networks() -> Path:
    """Where they are, once `fetch_networks` has been there."""
    return dev_dir() / "downloads" / f"mediapipe-{VERSION}"


def are_here() -> bool:
    """Whether they are in `networks`, byte for byte."""
    return all((networks() / name).is_file() and sha256(networks() / name) == SHA256[name] for name in SHA256)


def fetch_networks(python: Path) -> Path:
    """Put the files into `networks`, if they are not there or damaged.

    Args:
        python: An interpreter that has pip; nothing is installed into it.
    """
    folder = networks()
    if are_here():
        return folder
    line = f"Downloading mediapipe {VERSION} for its networks (36 MB)"
    wheel = download(python, f"mediapipe=={VERSION}", WHEEL, WHEEL_SHA256, FLAGS, line, f"mediapipe-{VERSION}")
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name, digest in SHA256.items():
            (folder / name).write_bytes(archive.read(f"mediapipe/modules/{FOLDERS[name]}/{name}"))
            require_sha256(folder / name, digest)
    wheel.unlink()
    return folder
