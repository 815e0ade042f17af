"""What a VAE remembers of what it encoded: by content, within a limit, and never of other weights."""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from harness.host.locations import pack_module
from wan_vace.vace_core.conditioning.halves import HalfFrames
from wan_vace.vace_core.notes import collect_notes

from .test_streaming import grey, half_of, random

pytestmark = pytest.mark.host


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_same_content_is_encoded_once_whichever_tensor_holds_it(streaming, new_vae):
    vae, frames = new_vae(), random(9)
    first = streaming.encode_half(vae, half_of(frames))
    assert streaming.encode_half(vae, half_of(frames.clone())) is first
    changed = frames.clone()
    changed[4, 3, 2, 1] += 1e-6
    for other in (half_of(changed), half_of(frames[:5]), HalfFrames(frames, torch.zeros(9, 16, 16), 9, reactive=True)):
        assert streaming.encode_half(vae, other) is not first


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_several_vcus_over_one_clip_encode_each_clip_once(call, new_vae):
    vae, calls, video = new_vae(), [], random(9, 32)
    call("VaceEncodeVcu", vae=vae, vcu=call("VaceBuildVcu", control_video=random(9, 32, 3))[0])
    vae.first_stage_model.conv1.register_forward_hook(lambda *_: calls.append(1))
    for reference in (1, 2, 3):
        pictures = {"reference_image_0": random(1, 32, reference)}
        vcu = call("VaceBuildVcu", control_video=video, references=pictures)[0]
        call("VaceEncodeVcu", vae=vae, vcu=vcu)
    assert len(calls) == 1 + 3  # the clip, and three references


def stored(*tensors):
    """Bytes that tensors take, each block of memory once."""
    return sum({each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in tensors}.values())


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_what_is_remembered_of_a_vcu_lies_in_its_context(call, new_vae, memory_of):
    vae, video, mask = new_vae(), random(9, 32), random(9, 32, 2)[..., 0].round()
    inputs = {"control_video": video, "control_masks": mask, "inside_mask": "control"}
    vcu = call("VaceBuildVcu", references={"reference_image_0": random(1, 32, 3)}, **inputs)[0]
    first = call("VaceEncodeVcu", vae=vae, vcu=vcu)[0].latents
    assert memory_of(vae).num_bytes == stored(first)
    again = call("VaceEncodeVcu", vae=vae, vcu=call("VaceBuildVcu", **inputs)[0])[0].latents
    assert torch.equal(again, first[:, :, 1:]) and memory_of(vae).num_bytes == stored(again) < stored(first)


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_latents_that_another_node_wrote_into_are_encoded_once_more_which_is_said(call, new_vae, memory_of):
    vae, calls, vcu = new_vae(), [], call("VaceBuildVcu", control_video=random(9, 32))[0]
    encode_vcu = pack_module("nodes._host.conditioning").encode_vcu
    latents = encode_vcu(vae, vcu).latents
    expected = latents.clone()
    latents[:, 20, 1] += 1e-3
    vae.first_stage_model.conv1.register_forward_hook(lambda *_: calls.append(1))
    with collect_notes() as notes:
        again = encode_vcu(vae, vcu).latents
    assert torch.equal(again, expected) and len(calls) == 1
    assert [note.code for note in notes] == ["latents-changed"]


@torch.inference_mode()
def test_the_memory_keeps_to_its_limit_and_to_what_was_used_last():
    memory = pack_module("nodes._host.conditioning.clip_memory").ClipMemory(limit=4 * 400)
    clips = {number: torch.full((100,), float(number)) for number in range(6)}
    for number, clip in clips.items():
        memory.put((number,), clip)
        memory.get((2,))
        assert memory.num_bytes <= memory.limit
    assert [number for number in clips if memory.get((number,)) is not None] == [2, 3, 4, 5]
    memory.put(("large",), torch.zeros(1000))
    assert memory.get(("large",)) is None and memory.get((2,)) is clips[2]
    block = torch.zeros(2, 100)
    memory.put(("a", 1), block[0])
    memory.put(("b", 1), block[1])  # in one block of memory, which counts once
    assert memory.num_bytes == 4 * 400 and memory.get((2,)) is clips[2]


@torch.inference_mode()
def test_a_patched_clone_remembers_nothing_of_the_vae_that_it_is_a_clone_of(streaming, new_vae):
    vae, half = new_vae(), half_of(random(9))
    before = streaming.encode_half(vae, half)
    vae.patcher = vae.patcher.clone()
    weight = vae.first_stage_model.conv1.weight
    vae.patcher.add_patches({"conv1.weight": ("diff", (torch.ones_like(weight),))}, 1.0)
    after = streaming.encode_half(vae, half)
    assert not torch.equal(before, after) and torch.equal(after, vae.encode(half.whole()))


@torch.inference_mode()
def test_an_encoder_that_is_replaced_later_is_used_and_not_remembered(streaming, new_vae):
    vae, half = new_vae(), half_of(random(9))
    first = streaming.encode_half(vae, half)
    for value in (1.0, 2.0):
        vae.encode = lambda _frames, value=value: torch.full_like(first, value)
        assert (streaming.encode_half(vae, half) == value).all()


def test_content_is_told_apart_by_either_hash_in_any_precision(streaming):
    memories = pack_module("nodes._host.conditioning.clip_memory")
    for begin_hash in (None, hashlib.blake2b):
        seen = set()
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            for frames in (random(5).to(dtype), grey(5).to(dtype), grey(1).to(dtype).expand(5, -1, -1, -1)):
                key = memories.content_key(half_of(frames), begin_hash)
                assert key == memories.content_key(half_of(frames.clone() if frames.stride(0) else frames), begin_hash)
                seen.add(key)
        assert len(seen) == 9


def test_a_host_without_blake3_has_pythons_own_hash(streaming, monkeypatch):
    monkeypatch.setitem(sys.modules, "blake3", None)
    memories = pack_module("nodes._host.conditioning.clip_memory")
    assert memories.fastest_hash() is hashlib.blake2b
    assert memories.content_key(half_of(random(5))) == memories.content_key(half_of(random(5)), hashlib.blake2b)


def test_threads_share_a_memory():
    memory = pack_module("nodes._host.conditioning.clip_memory").ClipMemory(limit=40 * 400)

    def work(first):
        for number in range(1000):
            memory.put((first + number % 97,), torch.zeros(100))
            memory.get((number % 97,))
            assert memory.num_bytes <= memory.limit

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, (0, 50)))  # raises what a thread raised
