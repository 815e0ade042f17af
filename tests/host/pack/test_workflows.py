"""Every published workflow over HTTP, with the miniature and in its world."""

import os

import av
import pytest

from harness.host.client import PromptFailedError
from harness.host.server import ComfyServer
from harness.miniature.demo import SHOWS, Display, run
from harness.structure.schema import cut
from harness.workflows import API, miniature, published

pytestmark = [pytest.mark.host, pytest.mark.server]

NAMES = sorted(path.stem for path in API.glob("*.json"))
LENGTH = 17
# Where a film is longer than what is generated at once.
LENGTHS = {"bridge_videos": 25, "extend_video": 21, "long_video": 29, "long_video_in_windows": 29}


@pytest.fixture(scope="module")
def server():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ComfyServer() as running:
        yield running


@pytest.mark.parametrize("name", NAMES)
def test_every_published_workflow_runs(server, name):
    entry = server.run(cut(miniature(published(name), name, steps=1)))  # without what is as the node has it
    files = server.outputs(entry)
    assert files and all(file.is_file() for file in files)
    shapes = [shape_of(file) for file in files if file.suffix == ".mp4"]
    assert shapes == ([] if name == "save_vcu" else [(LENGTHS.get(name, LENGTH), 64, 64)])


def shape_of(film):
    with av.open(str(film)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return len(frames), *frames[0].shape[:2]


@pytest.mark.parametrize("show", SHOWS, ids=lambda show: show.name)
def test_the_demo_makes_a_film_and_rows_of_frames(server, show):
    film, (_, rows) = run(server, show, Display(), steps=1)
    assert shape_of(film) == (LENGTH, 256, 256)
    assert list(rows) == ["input", "VCU", "result"]
    assert rows["VCU"].shape == rows["result"].shape == (LENGTH, 64, 64, 3)
    assert (rows["VCU"] != rows["result"]).any()


def test_a_word_that_the_miniature_does_not_know_reaches_the_user(server):
    prompt = miniature(published("text_to_video"), "text_to_video")
    prompt["3"]["inputs"]["prompt"] = "a purple dragon moves right"
    with pytest.raises(PromptFailedError, match=r"The miniature does not know dragon, purple\. It knows: a, moves"):
        server.run(prompt)
