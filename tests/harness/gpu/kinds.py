"""Files and settings beside plain bfloat16: float32, fp8, GGUF and torch.compile, on 1.3B with a third of its blocks.

Width, heads and shapes are the real ones; fewer blocks leave time for more rows.
"""

from __future__ import annotations

import importlib
import importlib.util
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ..host.accelerated import RunningHost
from . import sampling, weights
from .device import GIBI, NotTriedError, Watched, accelerator, device
from .models import require_machine_memory
from .sampling import Sampler
from .session import Session, memory_fields, require_type

THIRD = {"num_layers": 10, "vace_layers": 5}
REPEATS = 3
SAME_SIZE = 0.001  # as a share of the merged model's weights
COMPILE_SECONDS, CPU_COMPILE_SECONDS = 30.0, 240.0  # a C++ compiler has more to do


def run(session: Session) -> None:
    """All rows."""
    size = weights.TINY if session.tiny else weights.SIZES["1.3B"] | THIRD
    bench = Kinds(session, sampling.begin(session), size)
    compiling = CPU_COMPILE_SECONDS if accelerator() is None else COMPILE_SECONDS
    rows: list[tuple[str, Callable[[], dict | None], float]] = [
        ("bfloat16 file, attached adapter", bench.usual, 0),
        ("float32 file, same bits and same memory", bench.float32, 0),
        ("fp8 base, bfloat16 adapter", bench.fp8, 0),
        ("GGUF adapter (Q8_0) on the same base", bench.gguf, 0),
        ("torch.compile (inductor)", bench.compiled, compiling),
    ]
    for what, work, cost in rows:
        session.try_row(what, work, cost)
        sampling.unload()


class Kinds:
    """Rows that are each compared with the bfloat16 file, which is written first."""

    def __init__(self, session: Session, host: RunningHost, size: dict) -> None:
        self._session, self._host, self._size = session, host, size
        name, shape = next(iter(sampling.shapes(session).items()))
        self._shape = name
        self._sampler = Sampler(host, shape)
        self._folder = sampling.models_folder(session, "diffusion_models")
        self._wanted: tuple[Tensor, list[float]] | None = None
        self._dtype = weights.file_dtype(device())

    def usual(self) -> dict:
        """The peer of the others."""
        self._write("merged", self._dtype)
        self._write("base", self._dtype, vace=False)
        result, times, memory = self._measure(self._attached("base", "merged"))
        self._wanted = result, times
        blocks = f"{self._size['num_layers']} base blocks, {self._size['vace_layers']} of the adapter, {self._shape}"
        return {"seconds": tuple(times), "per": "forward", "note": blocks, **memory}

    def float32(self) -> dict | None:
        """Merged and attached out of one float32 file: the same bits and the same memory."""
        self._write("float32", torch.float32)
        peaks, results, sizes = {}, {}, {}
        for kind in ("merged", "attached"):
            sampling.unload()
            model = self._load("float32") if kind == "merged" else self._attached_to_part("float32")
            results[kind], times, memory = self._measure(model)
            peaks[kind] = memory["peak"] - memory["before"]
            sizes[kind] = sum(each.model_size() for each in (model, *model.get_nested_additional_models())) / GIBI
            self._session.put(f"float32 file, {kind}", seconds=tuple(times), per="forward", **memory)
            del model
        equal = torch.equal(results["merged"], results["attached"])
        as_large = abs(sizes["attached"] / sizes["merged"] - 1) < SAME_SIZE
        weighs, takes = ([f"{each[kind]:.3f}" for kind in ("attached", "merged")] for each in (sizes, peaks))
        note = f"weights of base and adapter {weighs[0]} GiB, of the merged model {weighs[1]}; "
        note += f"memory taken meanwhile {takes[0]} and {takes[1]} GiB"
        return {"equal": equal and as_large, "note": note}

    def fp8(self) -> dict:
        """A base in fp8 as the host casts it, the adapter as it is."""
        require_type(torch.float8_e4m3fn)
        base = sampling.load_base(self._path("base"), dtype=torch.float8_e4m3fn)
        (adapter,) = self._host.call("VaceLoadAdapter", adapter_name=self._path("merged").name)
        (model,) = self._host.call("VaceApplyAdapter", model=base, adapter=adapter)
        return self._beside_usual(model)

    def gguf(self) -> dict:
        """The adapter in Q8_0, written by the library of the format."""
        if importlib.util.find_spec("gguf") is None:
            raise NotTriedError("the package gguf is not installed")
        path = self._folder.parent / "vace" / "random.gguf"
        write_gguf(path, self._path("merged"))
        base = self._load("base")
        with Watched(device()) as seen:
            (adapter,) = self._host.call("VaceLoadAdapter", adapter_name=path.name)
        (model,) = self._host.call("VaceApplyAdapter", model=base, adapter=adapter)
        self._session.put("GGUF adapter, read", seconds=(seen.seconds,))
        return self._beside_usual(model)

    def compiled(self) -> dict:
        """The host's own node on the base, then the adapter on it."""
        (base,) = self._host.call("TorchCompileModel", model=self._load("base"), backend="inductor")
        (adapter,) = self._host.call("VaceLoadAdapter", adapter_name=self._path("merged").name)
        (model,) = self._host.call("VaceApplyAdapter", model=base, adapter=adapter)
        with Watched(device()) as seen:
            self._sampler.run(model, 1.0, 1)
        self._session.put("torch.compile, the first forward, which compiles", seconds=(seen.seconds,))
        return self._beside_usual(model)

    def _beside_usual(self, model: object) -> dict:
        """A row whose peer is the bfloat16 file: it must be finite, and how far it is from there is told."""
        result, times, memory = self._measure(model)
        if not result.isfinite().all():
            raise ValueError("the result is not finite")
        found = {"seconds": tuple(times), "per": "forward", **memory}
        if self._wanted is None:
            return found | {"note": "finite"}
        wanted, usual = self._wanted
        far = ((result - wanted).norm() / wanted.norm()).item()
        ratios = tuple(each / statistics.median(usual) for each in times)
        return found | {"peer": "bfloat16 file", "ratios": ratios, "note": f"finite, {far:.2g} off the bfloat16 file"}

    def _measure(self, model: object) -> tuple[Tensor, list[float], dict]:
        """A result, seconds of forwards after the one that loads, and memory."""
        with Watched(device()) as loading:
            result, _ = self._sampler.run(model, 1.0, 1)
        with Watched(device()) as seen:
            _, times = self._sampler.run(model, 1.0, 1 if self._session.tiny else REPEATS)
        return result, times, memory_fields(loading, seen)

    def _write(self, name: str, dtype: torch.dtype, vace: bool = True) -> None:
        shapes = weights.network_shapes(self._size, vace)
        require_machine_memory(weights.num_bytes(shapes, dtype), self._session.scratch)
        weights.write_weights(self._path(name), shapes, device(), dtype)

    def _path(self, name: str) -> Path:
        return self._folder / f"random_{name}.safetensors"

    def _load(self, name: str) -> object:
        return self._host.call("UNETLoader", unet_name=self._path(name).name, weight_dtype="default")[0]

    def _attached(self, base: str, adapter: str) -> object:
        (loaded,) = self._host.call("VaceLoadAdapter", adapter_name=self._path(adapter).name)
        return self._host.call("VaceApplyAdapter", model=self._load(base), adapter=loaded)[0]

    def _attached_to_part(self, name: str) -> object:
        (adapter,) = self._host.call("VaceLoadAdapter", adapter_name=self._path(name).name)
        base = sampling.load_base(self._path(name))
        return self._host.call("VaceApplyAdapter", model=base, adapter=adapter)[0]


def write_gguf(path: Path, source: Path) -> None:
    """The adapter of a safetensors file as GGUF: matrices in Q8_0, all else in float32, as converters write it."""
    import gguf
    from safetensors import safe_open

    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, "wan")
    with safe_open(source, "pt") as file:
        for name in (key for key in file.keys() if key.startswith("vace_")):  # noqa: SIM118  (no mapping)
            value = file.get_tensor(name).float()
            kind = gguf.GGMLQuantizationType.Q8_0 if value.ndim == 2 else gguf.GGMLQuantizationType.F32
            writer.add_tensor(name, gguf.quants.quantize(value.numpy(), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
