"""The report's page."""

import json

from harness.cluster.batches import jobs_of
from wan_vace.cluster.batch import DONE, Manifest
from wan_vace.cluster.report import write_report


def test_links_lead_to_results_whatever_they_are_called(tmp_path):
    manifest = Manifest(tmp_path / "batch")
    manifest.sync(jobs_of(tmp_path, {"job": "a"}))
    name = "shot #1 50%?'.txt"
    manifest.set_job("a", state=DONE, outputs=json.dumps([{"name": name, "sha256": "0" * 64}]))
    page = write_report(manifest).read_text("utf-8")
    assert "href='outputs/a/shot%20%231%2050%25%3F%27.txt'" in page and "shot #1 50%?&#x27;.txt" in page
