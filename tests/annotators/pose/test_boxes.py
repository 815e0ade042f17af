"""DWPose's arithmetic against OpenCV and against the official steps, written out box by box and point by point."""

import cv2
import numpy as np
import pytest
import torch

from harness.inputs.pose_networks import CELLS, DOG, PERSON, detector, place_of
from wan_vace.annotators.pose.boxes import (
    LEAST_SCORE,
    NUM_PLACES,
    OFFICIAL_SCORE,
    crop_areas,
    cut_out,
    detector_input,
    people_boxes,
    read_points,
)

MEAN, DEVIATION = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])


@pytest.mark.parametrize(("height", "width"), [(480, 832), (833, 481), (64, 64), (700, 700), (1, 900), (31, 33)])
def test_the_frame_is_in_the_upper_left_of_the_square(height, width):
    frames = torch.rand(2, height, width, 3)
    pixels, ratio = detector_input(frames)
    assert pixels.shape == (2, 3, 640, 640) and ratio == min(640 / height, 640 / width)
    rows, columns = max(int(height * ratio), 1), max(int(width * ratio), 1)
    for frame, square in zip(frames.numpy(), pixels.movedim(1, -1).numpy(), strict=True):
        expected = cv2.resize(frame[..., ::-1] * 255, (columns, rows), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(square[:rows, :columns], expected, atol=0.05)
    assert (pixels[..., rows:, :] == 114).all() and (pixels[..., columns:] == 114).all()


def official_boxes(head, ratio):
    """Boxes [n, 4] of people, as the official code goes: all classes, suppression above 0.1, then people above 0.3."""
    found = []
    for stride, cells in CELLS:
        for row in range(cells):
            for column in range(cells):
                x, y, log_width, log_height, there, person = head[place_of(stride, column, row), :6]
                if there * person <= 0.1:
                    continue
                centre = np.float32([x + column, y + row]) * stride
                half = np.exp(np.float32([log_width, log_height])) * stride / 2
                found.append((there * person, np.concatenate([centre - half, centre + half]) / ratio))
    kept = []
    for score, box in sorted(found, key=lambda each: -each[0]):
        if all(overlap(box, other) <= 0.45 for _, other in kept):
            kept.append((score, box))
    return np.float32([box for score, box in kept if score > 0.3]).reshape(-1, 4)


def overlap(one, other):
    both = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None).prod()
    areas = [(box[2:] - box[:2]).prod() for box in (one, other)]
    return both / (sum(areas) - both)


def test_boxes_are_the_official_ones():
    head = torch.zeros(3, NUM_PLACES, 85)
    head[..., 2:4] = torch.rand(3, NUM_PLACES, 2) * 3 + 1
    head[..., :2] = torch.rand(3, NUM_PLACES, 2)
    chosen = torch.randint(NUM_PLACES, (3, 300))
    for frame, places in zip(head, chosen, strict=True):
        frame[places, 4] = torch.rand(300)
        frame[places, 5 + PERSON] = torch.rand(300)
        frame[places, 5 + DOG] = torch.rand(300)
    boxes = people_boxes(head, 0.75, OFFICIAL_SCORE)
    for found, frame in zip(boxes, head.numpy(), strict=True):
        expected = official_boxes(frame, 0.75)
        assert 20 < len(expected) < 200
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-3)


def test_known_boxes_come_back_exactly():
    wanted = [(8, 10, 20, 60, 130), (16, 300, 40, 420, 360), (32, 200, 100, 600, 630)]
    network = detector([(*box, 0.9 - 0.1 * i, PERSON, None) for i, box in enumerate(wanted)])
    frames = torch.rand(2, 320, 320, 3)
    pixels, ratio = detector_input(frames)
    for boxes in people_boxes(network(pixels), ratio, OFFICIAL_SCORE):
        torch.testing.assert_close(boxes, torch.tensor([box[1:] for box in wanted]) / 2, rtol=0, atol=1e-4)


def test_only_people_above_the_score_count():
    others = [(8, 10, 20, 60, 130, 0.9, DOG, None), (16, 300, 40, 420, 360, 0.25, PERSON, None)]
    head = detector(others)(torch.zeros(1, 3, 640, 640))
    assert len(people_boxes(head, 1.0, OFFICIAL_SCORE)[0]) == 0
    assert len(people_boxes(head, 1.0, LEAST_SCORE)[0]) == 1


@pytest.mark.parametrize("distance", [10, 60])
def test_boxes_of_one_person_are_one(distance):
    boxes = [(8, x, 100, x + 100, 300, score, PERSON, None) for x, score in ((100, 0.8), (100 + distance, 0.7))]
    found = people_boxes(detector(boxes)(torch.zeros(1, 3, 640, 640)), 1.0, OFFICIAL_SCORE)[0]
    assert len(found) == (1 if distance == 10 else 2) and found[0, 0] == pytest.approx(100)


BOXES = torch.tensor([[20.0, 10, 60, 90], [-15, -20, 200, 40], [70.5, 3.25, 71.5, 99.75]])


def official_warp(box):
    """The official crop's matrix, frame to crop: three points and where they go."""
    centre = (box[:2] + box[2:]) / 2
    width, height = (box[2:] - box[:2]) * 1.25
    width = max(width, height * 288 / 384)
    source = [centre, centre - [0, width / 2], centre - [width / 2, 0]]
    target = [[144, 192], [144, 192 - 144], [0, 192]]
    return cv2.getAffineTransform(np.float32(source), np.float32(target))


@pytest.mark.parametrize("official", [True, False])
def test_crops_are_opencv_s(official):
    frame = torch.rand(1, 3, 12, 16)
    frame = torch.nn.functional.interpolate(frame, (97, 121), mode="bicubic").clamp(0, 1)[0].movedim(0, -1)
    crops = cut_out(frame, *crop_areas(BOXES), official)
    pixels = frame.numpy()[..., ::-1] if official else frame.numpy()
    for crop, box in zip(crops, BOXES.numpy(), strict=True):
        expected = cv2.warpAffine(np.ascontiguousarray(pixels) * 255, official_warp(box), (288, 384))
        difference = np.abs(crop.movedim(0, -1).numpy() - (expected - MEAN) / DEVIATION)
        assert difference.mean() < 0.01 and np.quantile(difference, 0.999) < 0.1  # it rounds to 32 parts of a pixel


def test_points_go_back_to_where_the_crop_was_cut():
    places = torch.stack([torch.randint(576, (3, 133)), torch.randint(768, (3, 133))], -1)
    answer = torch.rand(3, 133, 576 + 768) * 0.2 - 0.1
    sure = torch.rand(3, 133, 2) * 0.5 + 0.2
    answer.scatter_(2, places[..., :1], sure[..., :1])
    answer.scatter_(2, places[..., 1:] + 576, sure[..., 1:])
    points = read_points(answer, *crop_areas(BOXES))
    assert torch.equal(points[..., 2], sure.amin(-1))
    for found, box, place in zip(points, BOXES.numpy(), places.numpy(), strict=True):
        expected = cv2.transform(np.float32(place[None] / 2), cv2.invertAffineTransform(official_warp(box)))[0]
        np.testing.assert_allclose(found[:, :2].numpy(), expected, atol=2e-3)


def test_a_point_that_is_nowhere_has_confidence_0():
    answer = torch.full((1, 133, 1344), -0.5)
    assert (read_points(answer, *crop_areas(BOXES[:1]))[..., 2] == 0).all()
