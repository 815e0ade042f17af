"""A VCU through tensors and text and back."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import Note, sentences
from wan_vace.vace_core.vcu.references import Reference
from wan_vace.vace_core.vcu.storage import vcu_from_tensors, vcu_to_tensors
from wan_vace.vace_core.vcu.unit import KINDS, Vcu, empty_vcu


def rand(*shape, seed=0, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def through_bytes(vcu, precision="exact"):
    """As a real file does it; safetensors' `load` leaves the text out, so it goes beside."""
    tensors, metadata = vcu_to_tensors(vcu, precision)
    return vcu_from_tensors("x.vcu.safetensors", load(save(tensors, metadata)), metadata)


def identical(a, b):
    for name in ("kind", "control_amount", "fps", "notes"):
        assert getattr(a, name) == getattr(b, name)
    pairs = [(a.frames, b.frames), (a.mask, b.mask)]
    pairs += [(x.image, y.image) for x, y in zip(a.references, b.references, strict=True)]
    assert [r.strength for r in a.references] == [r.strength for r in b.references]
    for x, y in pairs:
        assert x.dtype == y.dtype and x.shape == y.shape and torch.equal(x, y)
    if a.audio is None:
        assert b.audio is None
    else:
        assert a.audio["sample_rate"] == b.audio["sample_rate"]
        assert torch.equal(a.audio["waveform"], b.audio["waveform"])


numbers, words = st.floats(0, 1, width=64), st.text(max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 6), st.sampled_from([16, 32]), st.sampled_from([16, 48])),
    expanded=st.sampled_from([(), (0,), (1, 2), (0, 1, 2, 3)]),
    constant_mask=st.sampled_from([None, 0.0, 0.3, 1.0]),
    dtype=st.sampled_from([torch.float32, torch.float16, torch.bfloat16, torch.float64]),
    references=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1000)), max_size=4),
    kind=st.sampled_from(KINDS),
    amount=numbers,
    fps=st.none() | st.floats(0.1, 240),
    notes=st.lists(st.builds(Note, words, words, st.lists(st.integers(0, 99)).map(tuple)), max_size=3),
    sound=st.none() | st.tuples(st.integers(1, 2), st.integers(1, 50), st.sampled_from([16000, 44100])),
)
def test_it_comes_back_exactly(shape, expanded, constant_mask, dtype, references, kind, amount, fps, notes, sound):
    full = (*shape, 3)
    frames = rand(*(1 if axis in expanded else size for axis, size in enumerate(full)), dtype=dtype).expand(full)
    mask = rand(*shape, seed=1) if constant_mask is None else torch.full(shape, constant_mask)
    pictures = tuple(Reference(rand(h, w, 3, seed=2), strength) for h, w, strength in references)
    audio = sound and {"waveform": rand(1, *sound[:2]) * 2 - 1, "sample_rate": sound[2]}
    vcu = Vcu(frames, mask, pictures, kind, amount, fps, audio, tuple(notes))
    identical(vcu, through_bytes(vcu))


def test_an_empty_vcu_takes_a_few_bytes_and_stays_small():
    vcu = empty_vcu(81, 480, 832)
    tensors, metadata = vcu_to_tensors(vcu)
    assert len(save(tensors, metadata)) < 2000
    back = through_bytes(vcu)
    assert back.frames.shape == (81, 480, 832, 3) and back.frames.untyped_storage().nbytes() <= 8
    identical(vcu, back)


def test_eight_bits_are_a_quarter_and_keep_black_grey_and_white():
    frames = rand(5, 32, 48, 3)
    frames[0], frames[1], frames[2] = 0, 0.5, 1
    vcu = Vcu(frames, (rand(5, 32, 48, seed=1) > 0.5).float(), (Reference(rand(8, 8, 3)),))
    exact, small = (
        sum(t.nbytes for t in vcu_to_tensors(vcu, precision)[0].values()) for precision in ("exact", "8-bit")
    )
    assert small * 4 == exact
    back = through_bytes(vcu, "8-bit")
    assert (back.frames - vcu.frames).abs().max() <= 0.5 / 254 + 1e-6
    assert torch.equal(back.frames[:3], frames[:3]) and torch.equal(back.mask, vcu.mask)
    assert back.frames.dtype == torch.float32


def test_a_note_of_a_code_that_no_builder_gives_loads():
    vcu = empty_vcu(1, 16, 16).with_notes([Note("of-a-later-pack", "A sentence.", (3, 4))])
    assert through_bytes(vcu).notes == vcu.notes


def test_an_unknown_precision_is_refused():
    with pytest.raises(VaceInputError, match="precision must be one of exact, 8-bit, got 4-bit"):
        vcu_to_tensors(empty_vcu(1, 16, 16), "4-bit")


def test_a_sound_of_another_kind_is_left_out_and_told(notes):
    tensors, metadata = vcu_to_tensors(replace(empty_vcu(1, 16, 16), audio=object()))
    assert "audio" not in tensors and vcu_from_tensors("x", tensors, metadata).audio is None
    assert sentences(notes) == ["The sound is of type object, not the host's AUDIO; it is not saved."]


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_a_foreign_file_is_refused_by_name(metadata):
    with pytest.raises(VaceInputError, match=r"model\.safetensors holds no VCU\. Choose a file that VACE Save VCU"):
        vcu_from_tensors("model.safetensors", {"weight": torch.zeros(1)}, metadata)


@pytest.mark.parametrize("version", ["2", "0", "x"])
def test_a_newer_file_is_refused_by_name(version):
    tensors, metadata = vcu_to_tensors(empty_vcu(1, 16, 16))
    metadata["wan_vace_vcu"] = version
    with pytest.raises(
        VaceInputError, match=rf"a\.vcu has version {version} of the VCU format.*reads up to 1\. Update"
    ):
        vcu_from_tensors("a.vcu", tensors, metadata)


def damaged(**changes):
    vcu = Vcu(rand(2, 16, 16, 3), rand(2, 16, 16), (Reference(rand(4, 4, 3)),), fps=16.0)
    tensors, metadata = vcu_to_tensors(vcu)
    described = {**json.loads(metadata["vcu"]), **changes}
    return tensors, {**metadata, "vcu": json.dumps(described)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "sculpture"}, "kind must be one of"),
        ({"control_amount": 2}, r"control_amount must be in \[0, 1\], got 2"),
        ({"control_amount": None}, "NoneType"),
        ({"fps": "fast"}, "could not convert"),
        ({"strengths": [1.0, 1.0]}, "'reference_1' is missing"),
        ({"strengths": [-1.0]}, "strength must be in"),
        ({"shapes": {"frames": [3, 16, 16, 3], "mask": [2, 16, 16], "reference_0": [4, 4, 3]}}, "size"),
        ({"shapes": {"frames": [10**9, 16, 16, 3], "mask": [2, 16, 16], "reference_0": [4, 4, 3]}}, "are read"),
        ({"shapes": {}}, "'reference_0' is missing"),
        ({"dtypes": 5}, "not subscriptable"),
        ({"sample_rate": 44100}, "'audio' is missing"),
    ],
)
def test_a_damaged_description_is_refused_by_name_with_the_reason(changes, reason):
    with pytest.raises(VaceInputError, match=rf"(?s)a\.vcu is damaged \(.*{reason}.*\)\. Save the VCU again"):
        vcu_from_tensors("a.vcu", *damaged(**changes))


@pytest.mark.parametrize(
    ("name", "tensor", "reason"),
    [
        ("frames", None, "'frames' is missing"),
        ("mask", torch.full((2, 16, 16), float("nan")), "mask holds values from nan to nan"),
        ("frames", torch.full((2, 16, 16, 3), 255.0), "frames holds values from 255 to 255"),
        ("frames", torch.zeros(2, 16, 16, 3, dtype=torch.int32), "frames holds torch.int32"),
        ("mask", torch.zeros(2, 16, 8), "size"),
    ],
)
def test_damaged_tensors_are_refused_by_name_with_the_reason(name, tensor, reason):
    tensors, metadata = damaged()
    tensors.pop(name)
    if tensor is not None:
        tensors[name] = tensor
    with pytest.raises(VaceInputError, match=rf"(?s)a\.vcu is damaged \(.*{reason}.*\)"):
        vcu_from_tensors("a.vcu", tensors, metadata)


def test_text_that_is_no_json_is_refused():
    tensors, metadata = damaged()
    with pytest.raises(VaceInputError, match=r"a\.vcu is damaged \(Expecting"):
        vcu_from_tensors("a.vcu", tensors, {**metadata, "vcu": "{"})


@pytest.mark.parametrize("fps", [float("inf"), float("nan"), -1, 0])
def test_a_rate_that_no_video_has_is_refused(fps):
    tensors, metadata = vcu_to_tensors(empty_vcu(5, 16, 16))
    described = json.loads(metadata["vcu"]) | {"fps": fps}
    with pytest.raises(VaceInputError, match=r"is damaged .* frames per second"):
        vcu_from_tensors("a", tensors, metadata | {"vcu": json.dumps(described)})
