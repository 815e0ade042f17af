"""The report's page."""

import json

import pytest
from PIL import Image

from harness.cluster.batches import RECORDED, jobs_of
from wan_vace.cluster.batch import DONE, Manifest
from wan_vace.cluster.report import GAP, HEIGHT, write_report


def test_links_lead_to_results_whatever_they_are_called(tmp_path):
    manifest = Manifest(tmp_path / "batch")
    manifest.sync(jobs_of(tmp_path, {"job": "a"}))
    name = "shot #1 50%?'.txt"
    manifest.set_job("a", state=DONE, outputs=json.dumps([{"name": name, "sha256": "0" * 64}]))
    page = write_report(manifest).read_text("utf-8")
    assert "href='outputs/a/shot%20%231%2050%25%3F%27.txt'" in page and "shot #1 50%?&#x27;.txt" in page


def test_a_strip_that_was_not_written_to_its_end_is_no_strip(tmp_path, monkeypatch):
    manifest = Manifest(tmp_path / "batch")
    manifest.sync(jobs_of(tmp_path, {"job": "a"}))
    manifest.set_job("a", state=DONE, outputs=json.dumps([{"name": "a.mp4", "sha256": "0" * 64}]))
    (tmp_path / "batch" / "outputs" / "a").mkdir(parents=True)
    (tmp_path / "batch" / "outputs" / "a" / "a.mp4").write_bytes((RECORDED / "video.mp4").read_bytes())
    strip = tmp_path / "batch" / "strips" / f"{'0' * 16}.jpg"

    def half(self, file, *more, **options):
        (file.write if hasattr(file, "write") else file.write_bytes)(b"half")
        raise OSError("interrupted")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", half)
        with pytest.raises(OSError, match="interrupted"):
            write_report(manifest)
    assert not strip.exists()
    assert f"strips/{strip.name}" in write_report(manifest).read_text("utf-8")
    with Image.open(strip) as picture:
        assert picture.height == 96


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
@pytest.mark.parametrize(("frames", "shown"), [(17, [0, 3, 6, 10, 13, 16]), (3, [0, 1, 2]), (1, [0])])
def test_a_picture_that_moves_has_a_strip_as_a_video_has(tmp_path, name, frames, shown):
    manifest = Manifest(tmp_path / "batch")
    manifest.sync(jobs_of(tmp_path, {"job": "a"}))
    manifest.set_job("a", state=DONE, outputs=json.dumps([{"name": name, "sha256": "0" * 64}]))
    folder = tmp_path / "batch" / "outputs" / "a"
    folder.mkdir(parents=True)
    first, *others = (Image.new("RGB", (HEIGHT, HEIGHT), (255 * k // 17,) * 3) for k in range(frames))
    first.save(folder / name, save_all=True, append_images=others, lossless=True)
    write_report(manifest)
    with Image.open(tmp_path / "batch" / "strips" / f"{'0' * 16}.jpg") as strip:
        assert strip.width == len(shown) * (HEIGHT + GAP) - GAP
        levels = [strip.convert("L").getpixel((k * (HEIGHT + GAP) + HEIGHT // 2, 50)) for k in range(len(shown))]
    assert levels == pytest.approx([255 * k // 17 for k in shown], abs=3), "from the first to the last"
