"""VACE Annotate Lineart and VACE Annotate Gray in the real host: defaults, files, inputs that do not fit."""

import sys

import numpy as np
import pytest
import torch

from wan_vace.annotators.lines.gray import BT601_LUMA, Gray
from wan_vace.annotators.lines.informative import Generator
from wan_vace.annotators.lines.lineart import DARK_ON_WHITE, WHITE_ON_BLACK, LocalContrastLines
from wan_vace.annotators.protocol import on_levels, silent

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("empty_folders")]

LOCAL = {"method": "local contrast", "thickness": 1.0, "detail": 0.5, "strength": 1.0}
SCRIBBLE = {"method": "scribble", "strength": 1.0}


@pytest.fixture
def scribble(tmp_path):
    """VACE's scribble file in the official tree, with random weights, and the network itself."""
    torch.manual_seed(2)
    network = Generator().eval()
    path = tmp_path / "models/VACE-Annotators/scribble/anime_style/netG_A_latest.pth"
    path.parent.mkdir(parents=True)
    torch.save(network.state_dict(), path)
    return network


def lineart(call, frames, method=LOCAL, polarity=DARK_ON_WHITE):
    return call("VaceAnnotateLineart", frames=frames, polarity=polarity, method=method)


def clip(num_frames=3, height=33, width=47):
    return torch.rand(num_frames, height, width, 3)


def test_it_draws_without_files_at_an_odd_size(call):
    frames = clip()
    control, video, report = lineart(call, frames)
    assert control.shape == frames.shape and report == ""
    assert torch.equal(control, LocalContrastLines()(frames, silent))
    assert torch.equal(video.get_components().images, control)


def test_settings_and_polarity_are_passed_on(call):
    frames = clip()
    method = {**LOCAL, "thickness": 2.0, "detail": 0.9, "strength": 0.5}
    control = lineart(call, frames, method, WHITE_ON_BLACK)[0]
    assert torch.equal(control, LocalContrastLines(2.0, 0.9, 0.5, WHITE_ON_BLACK)(frames, silent))


def test_frame_rate_and_sound_go_along(call):
    audio = {"waveform": torch.zeros(1, 1, 100), "sample_rate": 100}
    source = call("CreateVideo", images=clip(), fps=25.0, audio=audio)[0]
    for node_id, settings in (
        ("VaceAnnotateLineart", {"method": LOCAL, "polarity": DARK_ON_WHITE}),
        ("VaceAnnotateGray", {"luma": "bt601"}),
    ):
        parts = call(node_id, frames=source, **settings)[1].get_components()
        assert parts.frame_rate == 25 and parts.audio is audio


def test_the_official_network_draws_with_its_file(call, scribble):
    frames = clip(2, 32, 48)
    control, _, report = lineart(call, frames, SCRIBBLE)
    expected = scribble(frames.movedim(-1, 1)).movedim(1, -1)
    torch.testing.assert_close(control, on_levels(expected).expand_as(control), rtol=0, atol=1.01 / 255)
    assert (control <= expected + 1e-4).all()  # cut to levels, not rounded
    assert report == "Lines are drawn by netG_A_latest.pth."
    assert lineart(call, clip(2, 31, 45), SCRIBBLE)[0].shape == (2, 31, 45, 3)


def test_a_changed_file_draws_anew(call, scribble, tmp_path):
    frames = clip(1, 32, 32)
    first = lineart(call, frames, SCRIBBLE)[0]
    assert torch.equal(lineart(call, frames, SCRIBBLE)[0], first)
    (path,) = (tmp_path / "models").rglob("*.pth")
    torch.save({key: -value for key, value in scribble.state_dict().items()}, path)
    assert not torch.equal(lineart(call, frames, SCRIBBLE)[0], first)


def test_licences_that_forbid_something_are_reported(call, tmp_path):
    from controlnet_aux.pidi.model import pidinet

    path = tmp_path / "models/vace_annotators/table5_pidinet.pth"
    path.parent.mkdir(parents=True)
    network = {f"module.{key}": value for key, value in pidinet().state_dict().items()}
    torch.save({"state_dict": network, "epoch": 1}, path)
    control, _, report = lineart(call, clip(1, 32, 48), {"method": "pidinet", "strength": 1.0})
    assert control.shape == (1, 32, 48, 3)
    assert report == ("Lines are drawn by table5_pidinet.pth, whose licence is: research only, no commercial use.")


@pytest.mark.parametrize(
    ("method", "file"),
    [
        ("scribble", "netG_A_latest"),
        ("lineart", "sk_model"),
        ("lineart coarse", "sk_model2"),
        ("anime", "netG"),
        ("hed", "ControlNetHED"),
        ("pidinet", "table5_pidinet"),
        ("teed", "MTEED"),
    ],
)
def test_a_missing_file_is_named_with_its_place(call, method, file):
    message = rf"The lineart method {method} needs {file}\.pth, .*https://huggingface\.co/.*vace_annotators"
    with pytest.raises(ValueError, match=message):
        lineart(call, clip(), {"method": method, "strength": 1.0})


def test_a_missing_library_is_named_with_its_command(call, tmp_path, monkeypatch):
    path = tmp_path / "models/vace_annotators/ControlNetHED.pth"
    path.parent.mkdir(parents=True)
    torch.save({}, path)
    monkeypatch.setitem(sys.modules, "controlnet_aux.hed", None)
    with pytest.raises(ValueError, match=r"This lineart method needs controlnet-aux, .*pip install controlnet-aux"):
        lineart(call, clip(), {"method": "hed", "strength": 1.0})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"other": torch.zeros(1)}, r"netG_A_latest\.pth does not hold these weights .*It is another model's file"),
        ({"weight": np.random.default_rng}, r"netG_A_latest\.pth is refused: it holds more than tensors"),
        (None, r"netG_A_latest\.pth cannot be read"),
    ],
    ids=["foreign", "code", "corrupt"],
)
def test_files_that_are_not_its_weights_are_refused(call, scribble, tmp_path, content, message):
    (path,) = (tmp_path / "models").rglob("*.pth")
    path.write_bytes(path.read_bytes()[:1000]) if content is None else torch.save(content, path)
    with pytest.raises(ValueError, match=message):
        lineart(call, clip(), SCRIBBLE)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (torch.rand(2, 8, 8, 4), r"frames has 4 channels \(RGB with alpha\)"),
        (torch.rand(2, 8, 8), r"frames must have shape \[T, H, W, C\]"),
        (torch.full((1, 8, 8, 3), torch.nan), r"frames holds NaN"),
    ],
    ids=["alpha", "a mask", "nan"],
)
@pytest.mark.parametrize("node_id", ["VaceAnnotateLineart", "VaceAnnotateGray"])
def test_inputs_that_are_no_video_are_refused(call, node_id, frames, message):
    settings = {"luma": "official"} if node_id.endswith("Gray") else {"method": LOCAL, "polarity": DARK_ON_WHITE}
    with pytest.raises(ValueError, match=message):
        call(node_id, frames=frames, **settings)


@pytest.mark.parametrize("method", ["sobel", {"method": "sobel"}])
def test_an_unknown_method_is_refused(call, method):
    with pytest.raises(
        ValueError, match=r"method is sobel; it must be one of local contrast, scribble, .*teed\. Choose one\."
    ):
        lineart(call, clip(), method)


def test_gray_is_on_levels_and_leaves_no_file(call, tmp_path):
    frames = clip()
    control = call("VaceAnnotateGray", frames=frames, luma="bt601")[0]
    assert torch.equal(control, Gray(BT601_LUMA)(frames, silent)) and torch.equal(control, on_levels(control))
    assert not (tmp_path / "temp").exists()
