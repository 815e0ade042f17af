"""Which files the driver keeps in the object store; here that is a list, for no Ray runs."""

import pytest

from wan_vace.cluster.batch import Manifest
from wan_vace.cluster.results import KEPT, Results

CLIPS = [f"{letter}/clip.mp4" for letter in "abcd"]


@pytest.fixture
def put(monkeypatch):
    """Sizes of what was put there, in order."""
    sizes = []
    monkeypatch.setattr("wan_vace.cluster.results.ray.put", lambda pack: sizes.append(len(pack[0])) or len(sizes))
    return sizes


@pytest.fixture
def results(tmp_path, put):
    """With four clips of which three fit."""
    manifest = Manifest(tmp_path / "batch")
    made = Results(manifest, shared=False)
    for name in CLIPS:
        made.store.write(name, bytes(KEPT // 3))
    yield made
    manifest.close()


def test_the_last_files_that_were_asked_for_stay_there_and_no_more_than_fit(results, put):
    a, b, c, d = CLIPS
    first = {name: results.content(name) for name in (a, b, c)}
    assert results.content(a) == first[a] and len(put) == 3, "a is there, and now the last"
    results.content(d)
    assert results.content(a) == first[a] and results.content(c) == first[c] and len(put) == 4
    assert results.content(b) != first[b] and len(put) == 5, "b made room for d"


def test_what_the_object_store_lost_takes_no_room_and_is_put_there_anew(results, put):
    a, b, c, d = CLIPS
    first = {name: results.content(name) for name in (a, b, c)}
    results.forget([b, b, "nobody"])
    results.content(d)
    assert results.content(a) == first[a] and results.content(c) == first[c] and len(put) == 4
    assert results.content(b) != first[b]


def test_files_that_are_kept_are_not_looked_at_again_on_the_disk(results):
    a, b = CLIPS[:2]
    first = results.content(a)
    results.store.path(a).unlink()
    results.content(b)
    assert results.content(a) == first
