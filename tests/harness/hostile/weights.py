"""Files of weights: adapters and LoRAs in safetensors, GGUF and torch's own files, and divided models."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ..host.locations import base_dir, pack_module
from . import forms
from .case import READ, Case

ADAPTER = "small_vace_adapter.safetensors"
BLOCK = "vace_blocks.0.after_proj.weight"
INDEX = "model.safetensors.index.json"
MANY = 2**62
DIGITS = "9" * 5000


def cases() -> Iterator[Case]:
    """All of them."""
    for kind, change in HEADERS.items():
        yield Case("adapter, safetensors", kind, _safetensors(change), _adapter)
    yield Case("adapter, safetensors", "no file but a folder", _folder, _adapter)
    yield Case("adapter, safetensors", "a link to a device", _device("a.safetensors"), _adapter)
    yield Case("adapter, safetensors", "a terabyte of nothing behind it", _sparse, _adapter)
    for kind, text in INDEXES.items():
        yield Case("adapter, index of parts", kind, _index(text), _adapter)
    for kind, text in CONFIGS.items():
        yield Case("adapter, config.json", kind, _config(text), _adapter)
    for kind, data in GGUFS.items():
        yield Case("adapter, GGUF", kind, _file("a.gguf", data), _adapter)
    for reader, read in (("adapter, pth", _adapter), ("LoRA, pth", _lora), ("weights of an annotator, pth", _network)):
        for kind, write in PICKLES.items():
            yield Case(reader, kind, write, read)
    for kind, change in HEADERS.items():
        yield Case("LoRA, safetensors", kind, _safetensors(change), _lora)
    yield Case("LoRA, safetensors", "a layer whose two parts make terabytes", _wide_lora, _lora)
    yield Case("adapter, safetensors", "nothing wrong", _safetensors(lambda header: header), _adapter, READ)


def _adapter(path: Path) -> str:
    found = pack_module("nodes._host.adapter.files").read_adapter(path)
    return f"{sum(float(tensor.float().sum()) for tensor in found.tensors.values())}"


def _lora(path: Path) -> str:
    import folder_paths

    folder_paths.folder_names_and_paths["loras"][0].append(str(path.parent))
    return str(pack_module("nodes._host.adapter.lora").with_lora(load_model(), path.name, 1.0))


@cache
def load_model() -> object:
    """The small VACE model, that LoRAs are put on."""
    import nodes

    return nodes.UNETLoader().load_unet("small_wan_vace.safetensors", "default")[0]


def _network(path: Path) -> str:
    signals = pack_module("nodes._host.signals.files"), pack_module("nodes._host.signals.networks")
    make = pack_module("annotators.lines").Generator
    return str(signals[1].load_weights(make, signals[0].read_weights(path), path.name))


def _first(header: dict, **changes: object) -> dict:
    return header | {BLOCK: header[BLOCK] | changes}


# What is done to the header of a file that is right. What follows it is as it was.
HEADERS: dict[str, Callable[[dict], object]] = {
    "a shape of terabytes": lambda header: _first(header, shape=[forms.HUGE, 4]),
    "a shape whose size overflows": lambda header: _first(header, shape=[2**32, 2**32]),
    "a negative shape": lambda header: _first(header, shape=[-128, -128]),
    "a shape with a fraction": lambda header: _first(header, shape=[0.5, 256]),
    "offsets beyond the end": lambda header: _first(header, data_offsets=[0, forms.HUGE]),
    "offsets that overlap": lambda header: _first(header, data_offsets=next(iter(header.values()))["data_offsets"]),
    "offsets that are negative": lambda header: _first(header, data_offsets=[-8, 8]),
    "offsets that run backwards": lambda header: _first(header, data_offsets=[64, 0]),
    "an unknown type of numbers": lambda header: _first(header, dtype="F9000"),
    "a header that is a list": lambda header: [header],
    "a header of lists in lists": lambda header: forms.nested(100_000).encode(),
    "a header that is no text": lambda header: b"\xff\xfe" * 50,
    "a block of a number with 19 digits": lambda header: {
        key.replace("vace_blocks.1.", f"vace_blocks.{10**18}."): value for key, value in header.items()
    },
    "a block of a number with 5,000 digits": lambda header: {
        key.replace("vace_blocks.1.", f"vace_blocks.{DIGITS}."): value for key, value in header.items()
    },
    "a list of quantised layers that is no list": lambda header: (
        header | {"__metadata__": {"_quantization_metadata": '{"layers": 7}'}}
    ),
    "a list of quantised layers of lists in lists": lambda header: (
        header | {"__metadata__": {"_quantization_metadata": forms.nested(100_000)}}
    ),
}
HEADERS_CUT = {
    "a header longer than the file": lambda text, data: forms.safetensors(text, data, forms.HUGE),
    "a header of no length": lambda text, data: forms.safetensors(text, data, 0),
    "cut off in the header": lambda text, data: forms.safetensors(text, data)[:500],
    "cut off in the numbers": lambda text, data: forms.safetensors(text, data)[:-1000],
    "more behind the numbers than it says": lambda text, data: forms.safetensors(text, data) + b"x" * 1000,
    "nothing at all": lambda text, data: b"",
}


def _parts() -> tuple[dict, bytes]:
    """Header and numbers of an adapter that is right."""
    data = (base_dir() / "models" / "vace" / ADAPTER).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def _safetensors(change: Callable[[dict], object]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        header, numbers = _parts()
        (folder / "a.safetensors").write_bytes(forms.safetensors(change(header), numbers))
        return folder / "a.safetensors"

    return write


def _cut(make: Callable[[dict, bytes], bytes]) -> Callable[[dict], bytes]:
    return lambda header: make(header, _parts()[1])


def _file(name: str, data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _folder(folder: Path) -> Path:
    (folder / "a.safetensors").mkdir()
    return folder / "a.safetensors"


def _device(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).symlink_to("/dev/zero")
        return folder / name

    return write


def _sparse(folder: Path) -> Path:
    header, numbers = _parts()
    return forms.sparse(folder / "a.safetensors", forms.safetensors(header, numbers), forms.HUGE)


def _wide_lora(folder: Path) -> Path:
    layer = "diffusion_model.blocks.0.self_attn.q"
    parts = {f"{layer}.lora_down.weight": torch.zeros(1, 2**22), f"{layer}.lora_up.weight": torch.zeros(2**22, 1)}
    save_file(parts, folder / "a.safetensors")
    return folder / "a.safetensors"


def _index(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        model = folder / "model"
        model.mkdir()
        (folder / "secret.safetensors").symlink_to(base_dir() / "models" / "vace" / ADAPTER)
        (model / INDEX).write_text(text.replace("FOLDER", str(folder)))
        return model

    return write


def _named(part: object) -> str:
    return json.dumps({"weight_map": {BLOCK: part, "vace_patch_embedding.weight": part}})


INDEXES = {
    "a part in the folder above": _named("../secret.safetensors"),
    "a part by an absolute path": _named("FOLDER/secret.safetensors"),
    "a part by a path of Windows": _named("..\\secret.safetensors"),
    "a part on a drive": _named("C:\\secret.safetensors"),
    "a part with NUL in its name": _named("a\0.safetensors"),
    "a part with a name of 4,000 characters": _named("a" * 4000 + ".safetensors"),
    "a part without a name": _named(""),
    "a part that is the folder": _named("."),
    "a part that is a number": _named(7),
    "a list of parts": '{"weight_map": ["a.safetensors"]}',
    "a number in place of an object": "7",
    "lists in lists": forms.nested(100_000),
    "a number of 5,000 digits": '{"weight_map": ' + DIGITS + "}",
    "no text": "\udcff".encode("utf-8", "surrogateescape").decode("latin-1") * 9,
    "a block of a number with 19 digits": json.dumps({"weight_map": {f"vace_blocks.{10**18}.x": "a.safetensors"}}),
}
CONFIGS = {
    "lists in lists": forms.nested(100_000),
    "layers that are no list": '{"vace_layers": "0"}',
    "layers that are no numbers": '{"vace_layers": [true, 1e999]}',
    "a number of 5,000 digits": '{"vace_layers": [0, ' + DIGITS + "]}",
    "half of it": '{"vace_layers": [0,',
}


def _config(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        header, numbers = _parts()
        name = folder / "diffusion_pytorch_model.safetensors"
        name.write_bytes(forms.safetensors(header, numbers))
        (folder / "config.json").write_text(text)
        return name

    return write


def _field(name: str, kind: int, value: bytes) -> bytes:
    return forms.gguf_text(name) + struct.pack("<I", kind) + value


def _info(*shape: int, **rest: int) -> bytes:
    return forms.gguf_tensor(BLOCK, shape, **rest)


_ARRAY = struct.pack("<IQ", forms.GGUF_UINT32, MANY)
_ORIGINAL = _field(
    f"comfy.gguf.orig_shape.{BLOCK}", forms.GGUF_ARRAY, struct.pack("<IQ3I", forms.GGUF_UINT32, 3, 2**31, 2**31, 2**31)
)
_EMBEDDING = forms.gguf_tensor("vace_patch_embedding.weight", (2, 2, 1, 96, 128))
GGUFS = {
    "more tensors than there can be": forms.gguf(counts=(MANY, 0)),
    "more fields than there can be": forms.gguf(counts=(0, MANY)),
    "a list longer than the file": forms.gguf(_field("a", forms.GGUF_ARRAY, _ARRAY), counts=(0, 1)),
    "lists in lists": forms.gguf(
        forms.gguf_text("a") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 50_000, counts=(0, 1)
    ),
    "a text longer than the file": forms.gguf(struct.pack("<Q", MANY), counts=(0, 1)),
    "a name longer than the file": forms.gguf(infos=struct.pack("<Q", MANY), counts=(1, 0)),
    "more axes than there can be": forms.gguf(infos=forms.gguf_text("a") + struct.pack("<I", 2**32 - 1), counts=(1, 0)),
    "a shape of terabytes": forms.gguf(infos=_info(forms.HUGE, 4), counts=(1, 0), data=bytes(64)),
    "a shape whose size overflows": forms.gguf(infos=_info(2**32, 2**32), counts=(1, 0), data=bytes(64)),
    "a shape of 2 to the power of 63": forms.gguf(infos=_info(2**63, 2), counts=(1, 0), data=bytes(64)),
    "an offset beyond the end": forms.gguf(infos=_info(4, offset=MANY), counts=(1, 0), data=bytes(64)),
    "tensors over each other": forms.gguf(
        infos=_EMBEDDING + b"".join(forms.gguf_tensor(f"vace_blocks.0.{k}.weight", (128, 384)) for k in range(2000)),
        counts=(2001, 0),
        data=bytes(4 * 128 * 384),
    ),
    "a shape kept from before that does not fit": forms.gguf(
        _ORIGINAL, forms.gguf_tensor("vace_patch_embedding.weight", (4,)) + _info(4), (2, 1), bytes(64)
    ),
    "an unknown type of numbers": forms.gguf(infos=_info(4, kind=999), counts=(1, 0), data=bytes(64)),
    "a block of a number with 19 digits": forms.gguf(
        infos=_EMBEDDING + forms.gguf_tensor(f"vace_blocks.{10**18}.norm3.bias", (4,)),
        counts=(2, 0),
        data=bytes(4 * 128 * 384),
    ),
    "a version that is not known": b"GGUF" + struct.pack("<IQQ", 77, 0, 0),
    "no text in a name": forms.gguf(infos=struct.pack("<Q", 4) + b"\xff" * 4 + bytes(64), counts=(1, 0)),
    "cut off": forms.gguf()[:10],
    "nothing at all": b"",
}


def _tensor_of_nothing(*shape: int) -> dict:
    """Weights that need a few bytes and claim terabytes."""
    names = "diffusion_model.blocks.0.self_attn.q.lora_down.weight", "vace_patch_embedding.weight", BLOCK
    return {name: torch.zeros(1).expand(*shape) for name in names}


def _saved(value: object, **options: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        torch.save(value() if callable(value) else value, folder / "a.pth", **options)
        return folder / "a.pth"

    return write


def _code(folder: Path) -> Path:
    (folder / "a.pth").write_bytes(forms.pickled_code(folder))
    return folder / "a.pth"


def _code_in_zip(folder: Path) -> Path:
    torch.save({"weight": forms.Code(folder / "ran")}, folder / "a.pth")
    return folder / "a.pth"


def _bomb(folder: Path) -> Path:
    members = {"a/data.pkl": pickle.dumps(OrderedDict(), 2), "a/version": b"3\n", "a/data/0": bytes(2**28)}
    return forms.zipped(folder / "a.pth", members, zipfile.ZIP_DEFLATED)


def _lying_zip(folder: Path) -> Path:
    path = _saved({"vace_patch_embedding.weight": torch.zeros(4, 4)})(folder)
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\x01\x02")
    while place >= 0:
        struct.pack_into("<II", data, place + 20, 2**31, 2**31)  # lengths of a member, as the directory has them
        place = data.rfind(b"PK\x01\x02", 0, place)
    path.write_bytes(data)
    return path


def _cut_pickle(folder: Path) -> Path:
    path = _saved(lambda: load_file(base_dir() / "models" / "vace" / ADAPTER))(folder)
    path.write_bytes(path.read_bytes()[:-1000])
    return path


PICKLES = {
    "code, in the older form": _code,
    "code, in a zip file": _code_in_zip,
    "a tensor of terabytes over one number": _saved(lambda: _tensor_of_nothing(forms.HUGE, 1)),
    "a tensor of gigabytes over one number": _saved(lambda: _tensor_of_nothing(2**20, 2**12)),
    "the same in the older form": _saved(
        lambda: _tensor_of_nothing(2**20, 2**12), _use_new_zipfile_serialization=False
    ),
    "a tensor without numbers": _saved(lambda: {BLOCK: torch.zeros(4, device="meta")}),
    "a sparse tensor of terabytes": _saved(
        lambda: {BLOCK: torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), torch.ones(1), (2**20, 2**20))}
    ),
    "256 MiB of zeros, packed": _bomb,
    "members that claim more than there is": _lying_zip,
    "cut off": _cut_pickle,
    "a zip file of something else": lambda folder: forms.zipped(folder / "a.pth", {"readme.txt": b"hello"}),
    "names that are no texts": _saved({7: torch.zeros(4), None: torch.zeros(4)}),
    "a link to a device": _device("a.pth"),
    "nothing at all": _file("a.pth", b""),
}
HEADERS |= {kind: _cut(make) for kind, make in HEADERS_CUT.items()}
