"""A long file is read as far as it is used; what comes of it is what all of it would give."""

import io
import weakref

import av
import numpy as np
import pytest
import torch

from harness.host.locations import pack_module

pytestmark = pytest.mark.host
LONG, SIZE = 240, (64, 96)


@pytest.fixture(scope="module")
def film():
    """Noise with sound, 24 frames a second, so that each frame takes its share of the file; WebM is read in order."""
    file = io.BytesIO()
    noise = np.random.default_rng(0)
    with av.open(file, "w", format="matroska") as container:
        stream, sound = container.add_stream("libx264", rate=24), container.add_stream("aac", rate=44100)
        (stream.height, stream.width), stream.pix_fmt, stream.options = SIZE, "yuv420p", {"g": "12", "crf": "10"}
        for _ in range(LONG):
            picture = noise.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        wave = noise.random((1, 44100), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return file.getvalue()


@pytest.fixture
def video_file(host, film):
    from comfy_api.latest import InputImpl

    return InputImpl.VideoFromFile(io.BytesIO(film))


@pytest.fixture
def video(host):
    return pack_module("nodes._host.video")


@pytest.mark.parametrize("length", [1, 9, 16, 81])
def test_the_first_frames_are_those_of_the_whole_file(video, video_file, length):
    clip, whole = video.read_clip(video_file, length), video.read_clip(video_file)
    assert torch.equal(clip.frames, whole.frames[:length]) and clip.frames.shape == (length, *SIZE, 3)
    assert clip.fps == whole.fps == 24
    assert [note.text for note in clip.notes] == [f"video has more than {length} frames; the first {length} are used."]


@pytest.mark.since("0.20.1", reason="before, the host begins the sound of a file elsewhere")
def test_the_sound_is_that_of_the_whole_file(video, video_file):
    clip, whole = video.read_clip(video_file, 9), video.read_clip(video_file)
    assert torch.equal(clip.audio["waveform"], whole.audio["waveform"])


def test_no_more_of_a_file_is_decoded_than_is_used(video, video_file, monkeypatch):
    stream = pack_module("nodes._host.video.stream")
    real, decoded = stream._frame_reader, []

    def counting(*given):
        read = real(*given)
        return lambda frame: decoded.append(1) or read(frame)

    monkeypatch.setattr(stream, "_frame_reader", counting)
    video.read_clip(video_file, 9)
    assert 9 < len(decoded) <= 9 + video.CHUNK


@pytest.mark.parametrize("length", [LONG, LONG + 1])
def test_a_file_that_is_not_longer_is_read_whole_and_nothing_is_told(video, video_file, length):
    clip = video.read_clip(video_file, length)
    assert len(clip.frames) == LONG and clip.notes == ()


def test_a_trimmed_file_counts_from_its_trim(video, video_file):
    part = video_file.as_trimmed(2.0, 1.0, strict_duration=False)
    clip, whole = video.read_clip(part, 5), video.read_clip(part)
    assert torch.equal(clip.frames, whole.frames[:5]) and len(whole.frames) == 24


@pytest.mark.parametrize(("start", "first"), [(2.0, 48), (-1.0, LONG - 24)])
def test_a_host_that_does_not_say_its_trim_is_read_from_there_all_the_same(
    video, video_file, monkeypatch, start, first
):
    part, whole = video_file.as_trimmed(start, 0, strict_duration=False), video.read_clip(video_file).frames
    for each in type(part).__mro__:
        if "get_active_trim_window" in vars(each):
            monkeypatch.delattr(each, "get_active_trim_window")
    assert torch.equal(video.read_clip(part, 5).frames, whole[first : first + 5])


def test_frames_in_memory_are_left_to_the_task(video, video_file, notes):
    frames = torch.rand(20, 8, 8, 3)
    assert video.read_clip(frames, 5).frames is frames
    assert video.read_clip(video.write_clip(video.read_clip(frames)), 5).frames is frames and notes == []


def test_nodes_make_of_a_long_file_what_they_make_of_its_frames(call, video_file):
    frames = video_file.get_components().images
    box = {"references": {}, "width": 0, "height": 0, "length": 9, "fit": "cover"}
    build = {**box, "inside_mask": "empty", "soft_mask": False}
    outpaint = {name: box[name] for name in ("references", "width", "height", "length")}
    outpaint |= {"inner": False, "extend_references": False, "feather": 0.0}
    outpaint |= {"by": {"by": "ratio", "left": 0.25, "right": 0.25, "top": 0.0, "bottom": 0.0}}
    for node, socket, inputs in (
        ("VaceBuildVcu", "control_video", build),
        ("VaceOutpaintVideo", "video", outpaint),
        ("VaceInpaintVideo", "video", {**box, "boxes": "8,8,40,40"}),
    ):
        of_file, of_frames = (call(node, **inputs, **{socket: given}) for given in (video_file, frames))
        assert torch.equal(of_file[0].frames, of_frames[0].frames), node
        assert torch.equal(of_file[0].mask, of_frames[0].mask), node
        assert "the first 9 are used" in of_file[-1] and "the first 9 are used" in of_frames[-1], node


def test_masks_and_control_of_the_whole_file_still_fit(call, video_file):
    mask = torch.zeros(LONG, *SIZE)
    mask[:, 8:24, 8:40] = 1
    vcu, *_ = call("VaceInpaintVideo", video=video_file, mask=mask, references={}, length=9, fit="cover")
    assert vcu.frames.shape == (9, *SIZE, 3)


def test_a_damaged_packet_is_passed_over_as_by_the_host(host, video, film):
    from comfy_api.latest import InputImpl

    with av.open(io.BytesIO(film)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    damaged = bytearray(film)
    middle = damaged.index(bytes(packets[30])) + packets[30].size // 2
    damaged[middle - 200 : middle + 200] = bytes(400)
    file = InputImpl.VideoFromFile(io.BytesIO(bytes(damaged)))
    whole = file.get_components().images
    assert torch.equal(video.read_clip(file, 81).frames, whole[:81])


@pytest.mark.parametrize("harm", ["cut", "gone"])
@pytest.mark.parametrize(
    ("node", "socket", "inputs"),
    [
        ("VaceBuildVcu", "control_video", {"length": 5}),
        ("VaceBuildVcu", "control_video", {"length": 0}),
        ("VaceAnnotateGray", "frames", {}),
        ("VaceBuildLongVcu", "video", {}),
    ],
)
def test_a_file_that_was_cut_or_removed_is_told(call, film, tmp_path, node, socket, inputs, harm):
    from comfy_api.latest import InputImpl

    path = tmp_path / "clip.mkv"
    if harm == "cut":
        path.write_bytes(film[:400])
    with pytest.raises(ValueError, match=r"video (cannot be read|has no picture in it)"):
        call(node, **{socket: InputImpl.VideoFromFile(str(path))}, **inputs)


def test_a_length_beyond_the_file_reserves_nothing(video, video_file):
    assert video.read_clip(video_file, 10**9).frames.untyped_storage().nbytes() == LONG * SIZE[0] * SIZE[1] * 12


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize(("length", "size", "masks"), [(33, (48, 32), 33), (0, (48, 32), 1), (9, (0, 0), 0)])
def test_a_vcu_of_a_file_that_is_resized_as_it_is_read_is_that_of_the_whole(call, video_file, fit, length, size, masks):
    mask = torch.rand(masks, *SIZE, generator=torch.Generator().manual_seed(1)).round() if masks else None
    (width, height), frames = size, video_file.get_components().images
    about = {"control_masks": mask, "width": width, "height": height, "length": length, "fit": fit}
    read, told = call("VaceBuildVcu", control_video=video_file, **about)
    whole, expected = call("VaceBuildVcu", control_video=frames, **about)
    assert torch.equal(read.frames, whole.frames) and torch.equal(read.mask, whole.mask)
    assert sorted(told.split("\n")) == sorted(
        expected.replace(f"has {LONG} frames", f"has more than {length} frames").split("\n")
    )


def test_of_a_large_video_only_a_few_frames_are_in_memory_at_once(video, video_file, monkeypatch):
    module, parts = pack_module("nodes._host.video.video"), []
    real = module.stream_frames

    def watched(file):
        for part in real(file):
            assert all(weak() is None for weak in parts)
            parts.append(weakref.ref(part))
            yield part
            del part

    monkeypatch.setattr(module, "stream_frames", watched)
    target = pack_module("vace_core.video").Target(48, 32)
    clip = video.read_clip(video_file, 0, "video", target)
    assert clip.frames.shape == (LONG, 32, 48, 3) and clip.source_size == SIZE and len(parts) == LONG // video.CHUNK


@pytest.mark.parametrize("at_once", [1, 3])
def test_nothing_of_a_part_is_kept_while_the_next_one_is_read(video, video_file, monkeypatch, at_once):
    """Of a frame of 4096 x 4096, two hundred megabytes, there were four copies at once."""
    module, given = pack_module("nodes._host.video.stream"), []
    real = module._frame_reader
    monkeypatch.setattr(module, "CHUNK_BYTES", at_once * SIZE[0] * SIZE[1] * 12)

    def watched(*about):
        read = real(*about)

        def picture(frame):
            held = [each for each in given if each() is not None]
            assert len(held) < at_once
            given.append(weakref.ref(pixels := read(frame)))
            return pixels

        return picture

    monkeypatch.setattr(module, "_frame_reader", watched)
    whole, done = video_file.get_components().images, 0
    for part in video.stream_frames(video_file):
        assert len(part) <= at_once and torch.equal(part, whole[done : done + len(part)])
        done += len(part)
        del part
    assert done == len(given) == LONG


@pytest.mark.parametrize("length", [0, 5])
def test_a_video_without_frames_is_told(call, host, video, video_file, length):
    """A trim behind the end of the file, and a video in memory of which nothing is left."""
    trimmed = video_file.as_trimmed(20.0, 0, strict_duration=False)
    with pytest.raises(ValueError, match=r"video (has no frames|cannot be read)"):
        video.read_clip(trimmed, length)
    empty = call("CreateVideo", images=torch.rand(0, 8, 8, 3), fps=24.0)[0]
    with pytest.raises(ValueError, match=r"mask has no frames\. It may be cut off"):
        video.read_clip(empty, length, "mask")


def written(path, codec, pix_fmt, sound=None):
    """Ten pictures, or none without a codec, and an AAC stream of a second, or of nothing."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream(codec, rate=10) if codec else None
        if pictures:
            (pictures.height, pictures.width), pictures.pix_fmt = SIZE, pix_fmt
        heard = container.add_stream("aac", rate=44100) if sound is not None else None
        noise = np.random.default_rng(0)
        for _ in range(10 if pictures else 0):
            frame = av.VideoFrame.from_ndarray(noise.integers(0, 256, (*SIZE, 3), dtype=np.uint8), format="rgb24")
            container.mux(pictures.encode(frame.reformat(format=pix_fmt)))
        if pictures:
            container.mux(pictures.encode())
        if sound:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 44100
            container.mux(heard.encode(frame))
        if heard:
            container.mux(heard.encode())
    return path


def streamed(video, file):
    return torch.cat(list(video.stream_frames(file)))


@pytest.mark.parametrize(("codec", "pix_fmt"), [("mjpeg", "yuvj420p"), ("png", "rgb24"), ("libx264", "yuv420p")])
def test_frames_come_as_the_host_reads_them_whatever_their_format(host, video, tmp_path, codec, pix_fmt):
    from comfy_api.latest import InputImpl

    file = InputImpl.VideoFromFile(str(written(tmp_path / "a.mov", codec, pix_fmt)))
    assert torch.equal(streamed(video, file), file.get_components().images)
    assert video.sound_of(file) is None


def test_a_trimmed_file_is_streamed_to_its_trims_end(video, video_file):
    part = video_file.as_trimmed(2.0, 1.0, strict_duration=False)
    assert torch.equal(streamed(video, part), part.get_components().images)


@pytest.fixture
def damaged(host, tmp_path):
    """A file of ten pictures, and the same with the fifth of them damaged."""
    from comfy_api.latest import InputImpl

    path = written(tmp_path / "a.mov", "png", "rgb24")
    data = bytearray(path.read_bytes())
    places = [at for at in range(len(data)) if data.startswith(b"IHDR", at)]
    data[places[4] : places[4] + 12] = bytes(12)
    path.with_name("b.mov").write_bytes(data)
    return [InputImpl.VideoFromFile(str(path.with_name(name))) for name in ("a.mov", "b.mov")]


def test_a_picture_that_is_damaged_is_passed_over(video, damaged, caplog):
    with caplog.at_level("INFO", "wan_vace"):
        whole, frames = [streamed(video, file) for file in damaged]
    assert torch.equal(frames, torch.cat([whole[:4], whole[5:]]))
    assert caplog.messages.count("A damaged packet of a video was passed over.") == 1


@pytest.mark.since("0.24.0", reason="before, the host fails at a damaged picture")
def test_a_damaged_picture_is_passed_over_as_by_the_host(video, damaged):
    assert torch.equal(streamed(video, damaged[1]), damaged[1].get_components().images)


def test_sound_alone_is_no_video_and_a_stream_of_nothing_no_sound(host, video, tmp_path):
    from comfy_api.latest import InputImpl

    alone = InputImpl.VideoFromFile(str(written(tmp_path / "a.mkv", None, None, sound=True)))
    with pytest.raises(ValueError, match="video has no picture in it, only sound"):
        streamed(video, alone)
    silent = InputImpl.VideoFromFile(str(written(tmp_path / "b.mkv", "libx264", "yuv420p", sound=False)))
    assert video.sound_of(silent) is None and len(streamed(video, silent)) == 10


def test_a_sentence_stays_what_it_was_where_a_video_is_made_as_it_is_read(host, video, video_file):
    errors, stream = pack_module("vace_core.errors"), pack_module("nodes._host.video.stream")
    with pytest.raises(errors.VaceInputError, match=r"^of another node$"), stream.reading(video_file):
        raise errors.VaceInputError("of another node")
    with (
        pytest.raises(errors.VaceInputError, match=r"^video cannot be read \(no such stream\)"),
        stream.reading(video_file),
    ):
        raise ValueError("no such stream")

    class Made(type(video_file)):
        def get_stream_source(self):
            raise errors.VaceInputError("of the node that makes it")

    with pytest.raises(errors.VaceInputError, match=r"^of the node that makes it$"):
        video.sound_of(Made(video_file.get_stream_source()))
