"""Small networks in the layout of YOLOX and DWPose, whose answers are known: affine in the picture's mean colour."""

import numpy as np
import torch
from torch import nn

CELLS = ((8, 80), (16, 40), (32, 20))  # stride, and cells along a side of 640
PERSON, DOG = 0, 16


class Writer(nn.Module):
    """Writes a file when it is run."""

    def __init__(self, path: str):
        super().__init__()
        self.path = path

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """What it was given."""
        torch.save(pixels, self.path)
        return pixels


class Affine(nn.Module):
    """[n, 3, h, w] to, for each table, bias + slope * mean of its channels.

    Tables are pairs of slope [3, a, b] and bias [a, b].
    """

    def __init__(self, *tables):
        super().__init__()
        self.slopes = nn.ParameterList(nn.Parameter(slope, False) for slope, _ in tables)
        self.biases = nn.ParameterList(nn.Parameter(bias, False) for _, bias in tables)

    def forward(self, pixels):
        """One answer [n, a, b], or a tuple of them."""
        mean = pixels.mean((2, 3))
        answers = [
            (mean @ slope.flatten(1) + bias.flatten()).reshape(-1, *bias.shape)
            for slope, bias in zip(self.slopes, self.biases, strict=True)
        ]
        return answers[0] if len(answers) == 1 else tuple(answers)


def place_of(stride, column, row):
    """Where YOLOX's answer for a cell is among its 8400."""
    start = 0
    for other, cells in CELLS:
        if other == stride:
            return start + row * cells + column
        start += cells * cells
    raise ValueError(stride)


def detector(boxes):
    """YOLOX that sees boxes in its 640 x 640 picture.

    Args:
        boxes: ``(stride, left, top, right, bottom, sureness, kind, channel)``: sureness is of a picture whose channel
            (blue, green, red; None for any) is 255 all over, and proportional to its mean.
    """
    slope, bias = torch.zeros(3, 8400, 85), torch.zeros(8400, 85)
    for stride, left, top, right, bottom, sureness, kind, channel in boxes:
        x, y = (left + right) / 2 / stride, (top + bottom) / 2 / stride
        place = place_of(stride, int(x), int(y))
        size = [np.log((right - left) / stride), np.log((bottom - top) / stride)]
        bias[place, :4] = torch.tensor([x - int(x), y - int(y), *size])
        bias[place, 5 + kind] = 1
        if channel is None:
            bias[place, 4] = sureness
        else:
            slope[channel, place, 4] = sureness / 255
    return Affine((slope, bias))


def poser(places, sureness, slope=None):
    """DWPose's network that sees points at fixed places of its crop.

    Args:
        places: [133, 2], column and row in half pixels of the 288 x 384 crop.
        sureness: [133].
        slope: [3], what the crop's mean channels add to the sureness; none of them by default.
    """
    tables = []
    for axis, size in ((0, 576), (1, 768)):
        here = torch.zeros(133, size)
        here[torch.arange(133), places[:, axis]] = 1
        grown = torch.zeros(3) if slope is None else torch.as_tensor(slope, dtype=torch.float32)
        tables.append((grown[:, None, None] * here, here * sureness[:, None]))
    return Affine(*tables)


def write_script(path, network, batch, height, width):
    """A traced TorchScript file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = torch.zeros(batch, 3, height, width)
    with torch.inference_mode(False):
        torch.jit.save(torch.jit.trace(network.eval(), pixels), str(path))
    return path


def write_onnx(path, network, batch, height, width):
    """An ONNX file; ``batch`` is a number, or a name where it is left open."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    path.parent.mkdir(parents=True, exist_ok=True)
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["mean"], axis=1),
    ]
    constants, outputs = [], []
    for i, (slope, bias) in enumerate(zip(network.slopes, network.biases, strict=True)):
        values = {
            f"slope{i}": slope.flatten(1).numpy(),
            f"bias{i}": bias.flatten().numpy(),
            f"shape{i}": np.int64([-1, *bias.shape]),
        }
        constants += [numpy_helper.from_array(value, name) for name, value in values.items()]
        nodes += [
            helper.make_node("Gemm", ["mean", f"slope{i}", f"bias{i}"], [f"flat{i}"]),
            helper.make_node("Reshape", [f"flat{i}", f"shape{i}"], [f"answer{i}"]),
        ]
        outputs.append(helper.make_tensor_value_info(f"answer{i}", TensorProto.FLOAT, [batch, *bias.shape]))
    entrance = helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, height, width])
    graph = helper.make_graph(nodes, "pose", [entrance], outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path
