"""Line drawings: known edges, two implementations, the networks against the libraries that own their layouts."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.annotators.lines import networks as nets
from wan_vace.annotators.lines.informative import Generator
from wan_vace.annotators.lines.lineart import DARK_ON_WHITE, WHITE_ON_BLACK, LocalContrastLines, NeuralLines
from wan_vace.annotators.protocol import on_levels, silent

LEVEL = 1 / 255


def scene(height=96, width=128, low=0.3, high=0.7):
    """A bright disc and a thin dark line on an even ground, [1, H, W, 3]."""
    picture = np.full((height, width, 3), low, np.float32)
    cv2.circle(picture, (width // 3, height // 2), height // 4, (high,) * 3, -1, cv2.LINE_AA)
    cv2.line(picture, (3 * width // 4, 10), (3 * width // 4, height - 10), (low / 3,) * 3, 2, cv2.LINE_AA)
    return torch.from_numpy(picture)[None]


def ink(control):
    return (1 - control).mean().item()


def draw(frames, **options):
    return LocalContrastLines(**options)(frames, silent)


def test_lines_are_dark_on_white_and_where_the_edges_are():
    control = draw(scene())
    assert control.shape == (1, 96, 128, 3) and torch.equal(on_levels(control), control)
    assert 0.01 < ink(control) < 0.15 and control[0, 0, 0].tolist() == [1, 1, 1]
    assert control[0, 48, 96, 0] < 0.05  # the thin line
    left = control[0, 48, :42, 0]  # up to the middle of the disc, whose outer edge is at 18
    assert left.min() < 0.25 and 14 <= left.argmin() <= 18
    assert left[24:].min() == 1


@pytest.mark.parametrize("level", [0, 0.01, 0.5, 1])
def test_an_even_frame_has_no_lines(level):
    assert (draw(torch.full((2, 33, 47, 3), float(level))) == 1).all()


def test_a_dark_scene_has_about_as_many_lines_as_a_bright_one():
    dark, bright = ink(draw(scene(low=0.1, high=0.23))), ink(draw(scene(low=0.4, high=0.93)))
    assert 0.5 < dark / bright < 1.1


def test_white_on_black_is_the_same_inverted():
    frames = torch.rand(2, 40, 50, 3)
    inverted = draw(frames, polarity=WHITE_ON_BLACK)
    torch.testing.assert_close(1 - inverted, draw(frames, polarity=DARK_ON_WHITE), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["thickness", "detail", "strength"])
def test_more_of_a_setting_is_more_ink(name):
    values = {"thickness": (0.5, 1, 2), "detail": (0, 0.5, 1), "strength": (0.3, 1, 4)}[name]
    frames = scene() + 0.02 * torch.rand(1, 96, 128, 3)
    inks = [ink(draw(frames, **{name: value})) for value in values]
    assert inks == sorted(inks) and inks[2] > 1.2 * inks[0]


def test_thickness_is_the_width_of_a_line():
    widths = [(draw(scene(), thickness=value)[0, 48, 85:107, 0] < 0.5).sum() for value in (0.5, 1, 2, 3)]
    assert widths == sorted(set(widths)) and 2 <= widths[1] <= 4


def test_a_frame_is_drawn_alike_whatever_is_in_the_others():
    frames = torch.rand(3, 24, 40, 3)
    assert torch.equal(draw(frames)[1:2], draw(frames[1:2]))


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 70), st.integers(1, 70), st.floats(0.5, 4), st.floats(0, 1), st.floats(0.1, 4), st.integers(0, 9999)
)
def test_both_implementations_agree_within_a_level(height, width, thickness, detail, strength, seed):
    coarse = torch.rand(2, 3, -(-height // 5), -(-width // 5), generator=torch.Generator().manual_seed(seed))
    frames = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear").movedim(1, -1)
    lines = LocalContrastLines(thickness, detail, strength)
    ours, theirs = lines.by_opencv(frames).float() * LEVEL, on_levels(lines.by_torch(frames))
    assert ours.shape == theirs.shape == (2, height, width, 1)
    assert (ours - theirs).abs().max() <= 1.01 * LEVEL


def test_lines_flicker_less_than_canny_on_a_still_picture_with_noise():
    noise = 0.015 * torch.randn(8, 96, 128, 3)
    frames = (scene() + noise).clamp(0, 1)
    lines = 1 - draw(frames)[..., 0]
    edges = torch.stack([torch.from_numpy(cv2.Canny((f * 255).byte().numpy(), 50, 100)) for f in frames]) / 255
    flicker = [(x[1:] - x[:-1]).abs().mean() / x.mean() for x in (lines, edges)]
    assert flicker[0] < 0.5 * flicker[1]


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(1)
    return Generator().eval().requires_grad_(False)


def neural(network, **options):
    return NeuralLines(lambda: network, ("a.pth", 1, 2), **options)


def test_the_generator_is_that_of_the_published_files(generator):
    from controlnet_aux.lineart import Generator as Published

    published = Published(3, 1, 3).eval()
    assert published.state_dict().keys() == generator.state_dict().keys()
    published.load_state_dict(generator.state_dict(), strict=True)
    pixels = torch.rand(2, 3, 40, 64)
    torch.testing.assert_close(generator(pixels), published(pixels).detach(), rtol=0, atol=1e-4)


def cut(paper):
    """8-bit levels as ali-vilab/VACE's vace/annotators/scribble.py writes them: cut, not rounded."""
    return np.trunc((paper.numpy() * np.float32(255)).clip(0, 255)).astype(np.uint8)


def test_levels_are_cut_as_by_the_official_annotator():
    different = cut_inside = 0
    for seed in range(200):
        paper = torch.rand(2, 1, 24, 32, generator=torch.Generator().manual_seed(seed))
        frames = torch.zeros(2, 24, 32, 3)
        official = cut(paper)[:, 0, ..., None]
        drawn, inverted = (
            (neural(lambda _part, paper=paper: paper, polarity=each)(frames, silent) * 255).round().byte().numpy()
            for each in (DARK_ON_WHITE, WHITE_ON_BLACK)
        )
        different += (drawn != official).sum() + (255 - inverted != official).sum()
        cut_inside += (official != np.rint(paper.numpy() * 255)[:, 0, ..., None]).mean() / 200
    assert different == 0 and 0.4 < cut_inside < 0.6  # half of them would be rounded up


def test_the_drawing_of_the_network_is_cut_and_with_the_switch_rounded(generator):
    frames = torch.rand(3, 32, 48, 3)
    control = torch.cat([neural(nets.Padded(generator, 4))(frame[None], silent) for frame in frames])
    paper = torch.cat([generator(frame[None].movedim(-1, 1)) for frame in frames])
    np.testing.assert_array_equal((control * 255).round().byte().numpy()[..., 0], cut(paper)[:, 0])
    rounded = neural(generator, cuts_levels=False)(frames[:1], silent)
    assert torch.equal(rounded[..., 0], on_levels(paper[:1, 0]))


@pytest.mark.parametrize("size", [(32, 48), (33, 50), (31, 45)])
def test_every_size_stays(generator, size):
    frames = torch.rand(2, *size, 3)
    control = neural(nets.Padded(generator, 4))(frames, silent)
    assert control.shape == frames.shape
    if size == (32, 48):
        expected = generator(frames.movedim(-1, 1)).movedim(1, -1)  # not inverted: as the official annotator gives it
        torch.testing.assert_close(control, on_levels(expected).expand_as(control), rtol=0, atol=1.01 * LEVEL)


def test_chunks_and_strength_and_polarity_of_a_network(generator):
    network, frames = nets.Padded(generator, 4), torch.rand(3, 32, 32, 3)
    control = neural(network)(frames, silent)
    one_by_one = torch.cat([neural(network)(frame[None], silent) for frame in frames])
    torch.testing.assert_close(control, one_by_one, rtol=0, atol=1.01 * LEVEL)
    darker, inverted = neural(network, strength=2.0), neural(network, polarity=WHITE_ON_BLACK)
    torch.testing.assert_close(darker(frames, silent), (1 - 2 * (1 - control)).clamp(0, 1), rtol=0, atol=2 * LEVEL)
    torch.testing.assert_close(inverted(frames, silent), 1 - control, rtol=0, atol=1.01 * LEVEL)


def test_large_frames_go_one_by_one():
    seen = []

    def network(pixels):
        seen.append(len(pixels))
        return pixels[:, :1]

    neural(network)(torch.zeros(3, 1080, 1920, 3), silent)
    neural(network)(torch.zeros(5, 480, 832, 3), silent)
    assert seen == [1, 1, 1, 4, 1]


def test_identities_tell_weights_and_settings_apart(generator):
    options = [{}, {"strength": 2.0}, {"polarity": WHITE_ON_BLACK}, {"cuts_levels": False}]
    identities = {neural(generator, **each).identity for each in options}
    identities |= {NeuralLines(lambda: generator, ("b.pth",)).identity, LocalContrastLines().identity}
    identities |= {LocalContrastLines(1.1).identity, LocalContrastLines(polarity=WHITE_ON_BLACK).identity}
    assert len(identities) == 8


def detector(name, network, side):
    import controlnet_aux as aux

    return {
        "anime": lambda picture: aux.LineartAnimeDetector(network)(picture, side, side, "np"),
        "hed": lambda picture: aux.HEDdetector(network)(picture, side, side, output_type="np"),
        "pidinet": lambda picture: aux.PidiNetDetector(network)(picture, side, side, output_type="np"),
        "teed": lambda picture: aux.TEEDdetector(network)(picture, side, safe_steps=0, output_type="np"),
    }[name]


NETWORKS = {
    "anime": (nets.anime, nets.AnimeLines),
    "hed": (nets.hed, nets.SideEdges),
    "pidinet": (nets.pidinet, nets.PidiEdges),
    "teed": (nets.teed, lambda network: nets.Padded(nets.SideEdges(network), 8)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_what_its_library_draws_in_the_official_polarity(name):
    make, wrap = NETWORKS[name]
    network = make().eval().requires_grad_(False)
    size = (256, 256) if name == "anime" else (128, 64)  # such as controlnet-aux leaves as they are
    coarse = np.random.default_rng(0).integers(0, 256, (2, 8, 12, 3), dtype=np.uint8)
    pictures = np.stack([cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR) for picture in coarse])
    with torch.inference_mode():
        control = neural(wrap(network))(torch.from_numpy(pictures).float() * LEVEL, silent)
    for picture, drawn in zip(pictures, control, strict=True):
        published = detector(name, network, min(size))(picture)  # white on black, and cut to levels instead of rounded
        difference = (1 - drawn) - torch.from_numpy(published).float() * LEVEL
        assert difference.abs().max() <= 2.01 * LEVEL and published.std() > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_every_size(name):
    make, wrap = NETWORKS[name]
    network = wrap(make().eval().requires_grad_(False))
    for size in ((40, 56), (45, 67)):
        with torch.inference_mode():
            control = neural(network)(torch.rand(2, *size, 3), silent)
        assert control.shape == (2, *size, 3) and control.isfinite().all()


def test_anime_lines_of_other_sizes_differ_by_the_rounding_of_the_resized_picture():
    from controlnet_aux import LineartAnimeDetector

    network = nets.anime().eval().requires_grad_(False)
    picture = cv2.resize(np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8), (192, 128))
    with torch.inference_mode():
        (drawn,) = neural(nets.AnimeLines(network))(torch.from_numpy(picture)[None].float() * LEVEL, silent)
    published = torch.from_numpy(LineartAnimeDetector(network)(picture, 128, 128, "np")).float() * LEVEL
    assert (1 - drawn - published).abs().mean() <= 2 * LEVEL and published.std() > 10 * LEVEL


def test_names_of_training_on_several_devices_are_taken_off():
    weights = {f"module.{key}": value for key, value in Generator().state_dict().items()}
    assert nets.unwrapped(weights).keys() == Generator().state_dict().keys()
