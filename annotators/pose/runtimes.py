"""Networks in ONNX and TorchScript files, run by whatever is installed, behind one function."""

import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ...vace_core.errors import VaceInputError
from ...vace_core.files import open_plain
from ...vace_core.optional import need
from ..protocol import chunks

AT_ONCE = 8  # pictures, where a file leaves it open
GPU_PROVIDERS = ("CUDAExecutionProvider", "ROCMExecutionProvider", "MIGraphXExecutionProvider", "DmlExecutionProvider")
CPU_PROVIDER = "CPUExecutionProvider"

# TorchScript's operators that write and read files, those of extensions (some use the network), objects of C++, and
# spellings that hide a name. A network needs none of them.
FORBIDDEN = re.compile(rb"\b(?:save|from_file|classes)\b|\bops\s*\.(?!\s*(?:prim|aten)\s*\.)|\\[^n\"'\\]")
PACKED, PROGRAM = 2, 2**26  # how much more than its length, and of its program, a file may hold
# Begins what ONNX says of numbers in another file; numbers of protobuf may be written longer than they need be.
LOCATION = re.compile(rb"(?:\x0a|\x8a\x80*\x00)(?:\x08|\x88\x80*\x00)location")
_LONGEST = 32  # bytes of it that may lie before the end of a part
PART = 2**24  # bytes
SOURCE_END, LEGACY = ".py", "model.json"


@dataclass(frozen=True, eq=False)
class Runtime:
    """A network of a file.

    Attributes:
        name: The file's name, for messages.
        run: [n, 3, h, w], float32, to its answers joined along the last axis.
        answer: Shape of what it answers for one picture.
        batch: Pictures it takes at once.
        fixed: Whether it takes exactly so many.
    """

    name: str
    run: Callable[[Tensor], Tensor]
    answer: tuple[int, ...]
    batch: int = AT_ONCE
    fixed: bool = False

    def __call__(self, pixels: Tensor) -> Tensor:
        """[n, *answer] of pictures [n, 3, h, w], n >= 1.

        Raises:
            VaceInputError: If the file is another network's, or its weights are damaged.
        """
        return torch.cat([self._answered(pixels[part]) for part in chunks(len(pixels), self.batch)])

    def _answered(self, pixels: Tensor) -> Tensor:
        missing = self.batch - len(pixels) if self.fixed else 0
        given = torch.cat([pixels, pixels.new_zeros(missing, *pixels.shape[1:])]) if missing else pixels
        try:
            answer = self.run(given.contiguous())
        except torch.cuda.OutOfMemoryError:
            raise  # the host says what to do
        except Exception as error:  # what the libraries raise has no base of their own
            raise VaceInputError(
                f"{self.name} does not work on pictures of {list(given.shape)} ({_first_line(error)}). It is another "
                f"network than its name says, or memory ran out."
            ) from error
        wanted = [len(given), *self.answer]
        if list(answer.shape) != wanted:
            raise VaceInputError(
                f"{self.name} is another network than its name says: it answers {list(answer.shape)}, it must answer "
                f"{wanted}. Download it again."
            )
        if not answer.isfinite().all():
            raise VaceInputError(f"{self.name} answers values that are no numbers; it is damaged. Download it again.")
        return answer[: len(pixels)]


@dataclass(frozen=True)
class OnnxEngine:
    """What runs ONNX files here.

    Attributes:
        providers: What onnxruntime may run them on, best first; none when OpenCV runs them.
    """

    providers: tuple[str, ...]

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU is among them."""
        return self.providers not in ((), (CPU_PROVIDER,))

    def __str__(self) -> str:
        """For the report."""
        return f"onnxruntime ({self.providers[0]})" if self.providers else "OpenCV, on the CPU"

    def open(self, path: Path, answer: tuple[int, ...]) -> Runtime:
        """A file's network.

        Args:
            path: The file.
            answer: Shape of what it must answer for one picture.

        Raises:
            VaceInputError: If it cannot be read.
        """
        try:
            refuse_outside(path)
            return _by_onnxruntime(path, answer, self.providers) if self.providers else _by_opencv(path, answer)
        except VaceInputError:
            raise
        except Exception as error:  # what the libraries raise has no base of their own
            raise _unreadable(path, error) from error


def refuse_outside(path: Path) -> None:
    """Refuse an ONNX file that keeps numbers in other files: their names may lead anywhere, and OpenCV follows them.

    Raises:
        VaceInputError: If it does.
        OSError: If it is no plain file.
    """
    with open_plain(path) as file:
        before = b""
        while part := file.read(PART):
            if LOCATION.search(before + part):
                raise VaceInputError(
                    f"{path.name} is refused: it keeps numbers in another file, which could be any on this machine. "
                    f"Use a file that holds all of its own."
                )
            before = part[-_LONGEST:]


def onnx_engine(gpu: bool) -> OnnxEngine:
    """onnxruntime, on a GPU if it can use one; OpenCV where it is not installed.

    Args:
        gpu: Whether a GPU may be used.

    Raises:
        VaceInputError: If neither is installed.
    """
    try:
        available = need("onnxruntime", "onnxruntime", "Running ONNX files").get_available_providers()
    except VaceInputError as missing:
        try:
            need("cv2", "opencv-python-headless", "Running ONNX files")
        except VaceInputError:
            raise missing from None
        return OnnxEngine(())
    found = [provider for provider in GPU_PROVIDERS if gpu and provider in available]
    return OnnxEngine((*found[:1], CPU_PROVIDER))


def load_script(path: Path) -> nn.Module:
    """A TorchScript file's network, on the CPU.

    TorchScript is no pickle of Python and cannot import or call anything of Python. It is a program all the same, of
    PyTorch's own operators, and parts of it may run while it is loaded; among the operators are some that write and
    read any file. So its source, which the file holds as text, is read first, and a file is refused that names one of
    those, an operator of an extension, or hides names. What is left can compute, without end or beyond memory too.

    Raises:
        VaceInputError: If it is refused, damaged, or no TorchScript.
    """
    try:
        refuse_side_effects(path)
        return torch.jit.load(str(path), map_location="cpu")
    except (RuntimeError, OSError, ValueError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, VaceInputError):
            raise
        raise _unreadable(path, error) from error


def refuse_side_effects(path: Path) -> None:
    """Refuse a TorchScript file whose source names what a network does not need; see `load_script`.

    Raises:
        VaceInputError: If it does, or is of an old form whose source is elsewhere.
    """
    with open_plain(path) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        claimed = sum(member.file_size for member in members)
        if claimed > PACKED * path.stat().st_size + PROGRAM:
            raise ValueError(f"it unpacks to {claimed} bytes")
        sources = [archive.read(member) for member in members if member.filename.endswith(SOURCE_END)]
    if not sources or any(Path(member.filename).name == LEGACY for member in members):
        raise VaceInputError(f"{path.name} is no TorchScript file of today. Download it again.")
    named = next((found.group() for found in map(FORBIDDEN.search, sources) if found), None)
    if named is not None:
        raise VaceInputError(
            f'{path.name} is refused: its program holds "{named.decode(errors="replace")}", which no network needs '
            f"and which can reach files. Download it from where it is published."
        )


class Scripted(nn.Module):
    """A TorchScript network whose answers are joined."""

    def __init__(self, script: nn.Module) -> None:
        super().__init__()
        self.script = script

    def forward(self, pixels: Tensor) -> Tensor:
        """See `Runtime.run`."""
        answers = self.script(pixels)
        return joined([answers] if isinstance(answers, Tensor) else answers)


def joined(answers: Sequence[Tensor]) -> Tensor:
    """A network's answers along the last axis, the shorter first: libraries give them in any order."""
    return torch.cat(sorted(answers, key=lambda answer: answer.shape[-1]), -1)


def _by_onnxruntime(path: Path, answer: tuple[int, ...], providers: Sequence[str]) -> Runtime:
    onnxruntime = need("onnxruntime", "onnxruntime", "Running ONNX files")
    session = onnxruntime.InferenceSession(str(path), providers=list(providers))
    entrance = session.get_inputs()[0]
    batch = entrance.shape[0] if isinstance(entrance.shape[0], int) else None  # a name where it is left open

    def run(pixels: Tensor) -> Tensor:
        answers = session.run(None, {entrance.name: pixels.cpu().numpy()})
        return joined([torch.from_numpy(each) for each in answers])

    return Runtime(path.name, run, answer, batch or AT_ONCE, batch is not None)


def _by_opencv(path: Path, answer: tuple[int, ...]) -> Runtime:
    cv2 = need("cv2", "opencv-python-headless", "Running ONNX files")
    # Its content: not every path can be told to OpenCV.
    network = cv2.dnn.readNetFromONNX(np.frombuffer(path.read_bytes(), np.uint8))
    names = network.getUnconnectedOutLayersNames()

    def run(pixels: Tensor) -> Tensor:
        network.setInput(pixels.cpu().numpy())
        return joined([torch.from_numpy(each) for each in network.forward(names)])

    return Runtime(path.name, run, answer, 1, True)


def _unreadable(path: Path, error: Exception) -> VaceInputError:
    return VaceInputError(
        f"{path.name} cannot be read ({_first_line(error)}). It may be cut off or no model: download it again."
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
