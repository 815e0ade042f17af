"""From frames to people: DWPose by every runtime with known answers, Keypoint R-CNN against torchvision's own call."""

import numpy as np
import pytest
import torch

from harness.inputs.pose_networks import PERSON, detector, poser, write_onnx, write_script
from wan_vace.annotators.pose.boxes import PADDING, crop_areas, read_points
from wan_vace.annotators.pose.detect import (
    DETECTOR_ANSWER,
    FRAMES,
    NOBODY,
    POSE_ANSWER,
    RCNN_FRAMES,
    RCNN_SURE,
    DwPose,
    Found,
    KeypointRcnn,
    RcnnPeople,
    rcnn_confidence,
    rcnn_network,
)
from wan_vace.annotators.pose.people import SURE, from_wholebody
from wan_vace.annotators.pose.runtimes import OnnxEngine, Runtime, Scripted, load_script, onnx_engine
from wan_vace.annotators.protocol import silent
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")

# A person whom any frame shows, and one for each of blue and red; boxes in the 640 x 640 picture.
ANYWHERE = (8, 40, 80, 140, 300, 0.9, PERSON, None)
BLUE = (16, 300, 100, 420, 500, 0.8, PERSON, 0)
RED = (32, 440, 60, 600, 630, 0.7, PERSON, 2)
SIDE = 160  # of the frames, which are square: a quarter of the detector's picture


@pytest.fixture(scope="module")
def points():
    """Places of the points in half pixels of the crop."""
    generator = torch.Generator().manual_seed(6)
    return torch.stack([torch.randint(size, (133,), generator=generator) for size in (576, 768)], 1)


def in_memory(boxes, points, sureness=0.8, slope=None):
    """Both networks, run as they are."""
    pose = Scripted(poser(points, torch.full((133,), sureness), slope))
    return Runtime("yolox", detector(boxes), DETECTOR_ANSWER), Runtime("dw", pose, POSE_ANSWER, 5, True)


def coloured(*colours):
    """[T, SIDE, SIDE, 3], each frame of one colour (red, green, blue)."""
    return torch.tensor(colours, dtype=torch.float32)[:, None, None].expand(-1, SIDE, SIDE, -1).contiguous()


def find(networks, frames, **settings):
    return Found(**DwPose(lambda: networks, ("files",), **settings)(frames, silent))


def expected_points(points, box):
    """Where a person's points are: the box's middle, and the crop, which is padded and of 3 : 4."""
    left, top, right, bottom = (side / 4 for side in box[1:5])
    height = max((bottom - top) * PADDING, (right - left) * PADDING / 0.75)
    middle = np.array([left + right, top + bottom]) / 2
    return middle + (points.numpy() / (576, 768) - 0.5) * (height * 0.75, height)


def test_people_are_found_where_they_are(points):
    frames = coloured((1, 0, 0), (0, 0, 1), (1, 0, 1), (0, 1, 0), (0, 0, 0), (1, 1, 1), (0, 0, 1))
    found = find(in_memory([ANYWHERE, BLUE, RED], points), frames)
    seen = [[ANYWHERE, RED], [ANYWHERE, BLUE], [ANYWHERE, BLUE, RED], [ANYWHERE], [ANYWHERE], [ANYWHERE, BLUE, RED]]
    seen.append(seen[1])
    assert found.counts.tolist() == [len(each) for each in seen] and not found.searched.any()
    expected = np.concatenate([[expected_points(points, box) for box in each] for each in seen])
    np.testing.assert_allclose(found.points[..., :2].numpy(), expected, atol=1e-3)
    np.testing.assert_allclose(found.points[..., 2].numpy(), 0.8)


@pytest.mark.parametrize("way", ["TorchScript", "onnxruntime", "OpenCV"])
def test_files_give_what_the_networks_give(points, tmp_path, way):
    boxes, slope = [ANYWHERE, BLUE, RED], [0.05, -0.03, 0.02]
    networks = [detector(boxes), poser(points, torch.full((133,), 0.6), slope)]
    sizes, answers = ((640, 640), (384, 288)), (DETECTOR_ANSWER, POSE_ANSWER)
    if way == "TorchScript":
        paths = [write_script(tmp_path / f"{n}.pt", networks[n], (1, 5)[n], *sizes[n]) for n in (0, 1)]
        runtimes = [
            Runtime(path.name, Scripted(load_script(path)), answers[n], (1, 5)[n], True) for n, path in enumerate(paths)
        ]
    else:
        engine = OnnxEngine(()) if way == "OpenCV" else onnx_engine(False)
        paths = [write_onnx(tmp_path / f"{n}.onnx", networks[n], (1, "batch")[n], *sizes[n]) for n in (0, 1)]
        runtimes = [engine.open(path, answer) for path, answer in zip(paths, answers, strict=True)]
    frames = torch.rand(FRAMES + 1, SIDE, SIDE, 3) * torch.rand(FRAMES + 1, 1, 1, 3) * 2
    expected, found = find(in_memory(boxes, points, 0.6, slope), frames), find(runtimes, frames)
    assert torch.equal(found.counts, expected.counts) and len(set(expected.counts.tolist())) > 1
    torch.testing.assert_close(found.points, expected.points, rtol=0, atol=1e-3)
    assert expected.points[..., 2].std() > 0.005  # each person's crop counted


def test_the_crop_s_channels_are_the_official_ones(points):
    networks = in_memory([ANYWHERE], points, 0.5, [0.1, 0, 0])
    red_first, blue_first = (
        find(networks, coloured((1, 0, 0)), official_channels=official).points[0, 0, 2] for official in (False, True)
    )
    assert red_first - blue_first == pytest.approx(0.1 * 255 / 58.395 * _inside(), abs=1e-3)


def _inside():
    """How much of the crop of `ANYWHERE` is in the frame."""
    (x, y), (width, height) = (each[0].tolist() for each in crop_areas(torch.tensor([ANYWHERE[1:5]]) / 4.0))
    low, high = -0.5, SIDE - 0.5  # pixels are at whole numbers
    spans = [min(middle + side / 2, high) - max(middle - side / 2, low) for middle, side in ((x, width), (y, height))]
    return spans[0] / width * spans[1] / height


def test_a_frame_without_a_box_is_searched_whole(points):
    frames = coloured((0, 0, 0), (1, 0, 0))
    networks = in_memory([RED], points)
    found = find(networks, frames)
    assert found.counts.tolist() == [1, 1] and found.searched.tolist() == [True, False]
    expected = read_points(
        torch.cat(networks[1].run.script(torch.zeros(1, 3, 384, 288)), -1),
        *crop_areas(torch.tensor([[0.0, 0, SIDE, SIDE]])),
    )
    torch.testing.assert_close(found.points[:1], expected)
    assert (
        "No box was found around a person in frame 0; the whole frame was taken for one" in sentences(found.notes())[1]
    )


def test_or_has_nobody(points):
    found = find(in_memory([RED], points), coloured((0, 0, 0), (1, 0, 0), (0, 1, 0)), fallback=NOBODY)
    assert found.counts.tolist() == [0, 1, 0] and not found.searched.any()
    assert sentences(found.notes()) == [
        "People: 0 in 2, 1 in 1 of 3 frames.",
        "Nobody was found in frame 0, 2. Gaps longer than fill_gaps stay black.",
    ]
    assert found.people(SIDE, SIDE).points.shape[:2] == (3, 1)


@pytest.mark.parametrize("fallback", [{}, {"fallback": NOBODY}])
def test_a_clip_without_people_is_refused(points, fallback):
    found = find(in_memory([RED], points, 0.2), coloured(*[(0, 0, 0)] * 7), **fallback)
    assert found.points.shape == (0 if fallback else 7, 133, 3)
    with pytest.raises(VaceInputError, match=r"No person was found in any of the 7 frames\. Use a video with a person"):
        found.people(SIDE, SIDE)


def test_who_is_not_drawn_is_no_person(points):
    found = find(in_memory([ANYWHERE], points, 0.3, [0.05, 0, 0]), coloured((0, 0, 0), (0, 0, 1)))
    assert found.counts.tolist() == [1, 1]
    assert sentences(found.notes())[0] == "People: 0 in 1, 1 in 1 of 2 frames."
    people = found.people(SIDE, SIDE)
    assert people.present.tolist() == [[False], [True]]


def test_people_are_the_conversion_s(points):
    found = find(in_memory([ANYWHERE, BLUE], points), coloured((0, 0, 1), (0, 0, 0)))
    frames = [found.points[:2].numpy(), found.points[2:].numpy()]
    people = found.people(SIDE, 2 * SIDE)
    np.testing.assert_array_equal(people.points, from_wholebody(frames, SIDE, 2 * SIDE).points)
    assert (people.height, people.width) == (SIDE, 2 * SIDE)


def test_a_higher_person_score_finds_fewer(points):
    networks, frames = in_memory([ANYWHERE, BLUE, RED], points), coloured((1, 1, 1))
    counts = [find(networks, frames, person_score=score).counts.item() for score in (0.3, 0.75, 0.85)]
    assert counts == [3, 2, 1]


def test_it_goes_on_in_parts(points):
    told, sizes = [], []
    yolox, dw = in_memory([ANYWHERE], points)

    def watched(pixels):
        sizes.append(len(pixels))
        return yolox(pixels)

    DwPose(lambda: (watched, dw), ())(coloured(*[(0, 0, 0)] * (2 * FRAMES + 1)), lambda *each: told.append(each))
    total = 2 * FRAMES + 1
    assert told == [(FRAMES, total), (2 * FRAMES, total), (total, total)] and sizes == [FRAMES, FRAMES, 1]


@pytest.mark.parametrize(("height", "width"), [(33, 47), (1, 90), (300, 20)])
def test_any_size_works(points, height, width):
    found = find(in_memory([ANYWHERE], points), torch.rand(2, height, width, 3))
    assert found.counts.tolist() == [1, 1] and found.points.isfinite().all()


def test_identities_tell_settings_apart():
    def load():
        raise AssertionError("not before frames come")

    variants = [{}, {"person_score": 0.5}, {"fallback": NOBODY}, {"official_channels": False}]
    identities = {DwPose(load, ("a", 1), **each).identity for each in variants} | {DwPose(load, ("b", 1)).identity}
    identities |= {KeypointRcnn(load, ("a", 1), score).identity for score in (0.3, 0.5)}
    assert len(identities) == 7


@pytest.fixture(scope="module")
def torchvision_s():
    """The network that torchvision makes, with random weights."""
    import torchvision

    torch.manual_seed(8)
    network = torchvision.models.detection.keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.8, 1.2)
            module.running_mean.uniform_(-0.1, 0.1)
    return network.eval().requires_grad_(False)


def published(network):
    """Weights as in the file.

    Frozen normalisation has no counts of batches and no small constant, which goes into the variance; the names are
    from before torchvision wrapped some layers.
    """
    tensors = {key: value for key, value in network.state_dict().items() if "num_batches_tracked" not in key}
    tensors |= {key: value + 1e-5 for key, value in tensors.items() if "running_var" in key}
    shorter = {"rpn.head.conv.0.0.": "rpn.head.conv."}
    for n in range(4):
        shorter |= {f"fpn.{part}_blocks.{n}.0.": f"fpn.{part}_blocks.{n}." for part in ("inner", "layer")}
    for key in list(tensors):
        for long, short in shorter.items():
            if long in key:
                tensors[key.replace(long, short)] = tensors.pop(key)
    return tensors


@pytest.fixture(scope="module")
def ours(torchvision_s):
    network = rcnn_network()
    network.load_state_dict(published(torchvision_s), strict=True)
    wanted = torchvision_s.transform
    assert (network.transform.min_size, network.transform.max_size) == (wanted.min_size, wanted.max_size)
    for each in (network, torchvision_s):
        each.transform.min_size, each.transform.max_size = (96,), 128  # or it takes minutes
        each.roi_heads.detections_per_img = 4
        each.rpn._post_nms_top_n = {"training": 60, "testing": 60}
    return network.eval().requires_grad_(False)


def test_batches_are_torchvision_s_own_call(ours, torchvision_s):
    frames = torch.rand(RCNN_FRAMES + 1, 60, 80, 3)
    detector = KeypointRcnn(lambda: RcnnPeople(ours), (), 0.0)
    with torch.inference_mode():
        found = Found(**detector(frames, silent))
        expected = [ours([frame])[0] for frame in frames.movedim(-1, 1)]
        built = [torchvision_s([frame])[0] for frame in frames.movedim(-1, 1)]
    assert found.counts.tolist() == [len(each["scores"]) for each in expected] and found.counts.min() > 1
    body = found.points[:, :17]
    # In pixels; convolutions of a batch round otherwise than those of a frame, by how much depends on the threads.
    torch.testing.assert_close(
        body[..., :2], torch.cat([e["keypoints"][..., :2] for e in expected]), rtol=1e-5, atol=2e-3
    )
    for one, other in zip(expected, built, strict=True):  # its normalisation rounds otherwise
        torch.testing.assert_close(one["keypoints"], other["keypoints"], rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(one["keypoints_scores"], other["keypoints_scores"], rtol=1e-4, atol=1e-4)
    scores = torch.cat([each["keypoints_scores"] for each in expected])
    torch.testing.assert_close(body[..., 2], rcnn_confidence(scores), rtol=0, atol=1e-4)
    assert (found.points[:, 17:] == 0).all() and not found.searched.any()


def test_a_person_counts_above_the_score(ours, torchvision_s):
    frame = torch.rand(1, 60, 80, 3)
    with torch.inference_mode():
        scores = torchvision_s([frame[0].movedim(-1, 0)])[0]["scores"]
        middle = scores.sort().values[len(scores) // 2 - 1 :][:2].mean().item()  # between two, for last bits differ
        found = Found(**KeypointRcnn(lambda: RcnnPeople(ours), (), middle)(frame, silent))
    assert found.counts.item() == (scores > middle).sum() > 0


def test_frames_without_anybody_are_told():
    def network(pixels):
        answers = torch.zeros(len(pixels), 2, 52)
        lit = pixels.mean((1, 2, 3)) > 0.5
        answers[lit, 0, 0], answers[lit, 0, 3::3] = 0.9, 5.0
        return answers

    found = Found(**KeypointRcnn(lambda: network, ())(coloured((0, 0, 0), (1, 1, 1), (0, 0, 0)), silent))
    assert found.counts.tolist() == [0, 1, 0]
    assert sentences(found.notes())[1].startswith("Nobody was found in frame 0, 2. ")


def test_confidence_is_the_threshold_where_torchvision_s_scores_are():
    scores = torch.tensor([-20.0, RCNN_SURE - 0.01, RCNN_SURE + 0.01, 12.0])
    confidence = rcnn_confidence(scores)
    assert (confidence > float(SURE)).tolist() == [False, False, True, True]
    assert confidence[0] < 1e-3 and confidence[-1] > 0.99


def test_many_frames_are_named_by_the_first_few():
    counts = torch.zeros(9, dtype=torch.int64)
    counts[4] = 1
    found = Found(torch.ones(1, 133, 3), counts, torch.zeros(9, dtype=torch.bool))
    assert sentences(found.notes())[1].startswith("Nobody was found in frame 0, 1, 2, 3, 5 and 3 more. ")
