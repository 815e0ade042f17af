"""Decoding a few frames at a time: the host's frames bit for bit, and what else can happen."""

import logging

import pytest
import torch

from wan_vace.vace_core.notes import collect_notes

pytestmark = pytest.mark.host
IN_PARTS = pytest.mark.since("0.24.0", reason="before, clips are decoded by the host's own decoder, which is not known")


def latents(num_frames, size=4, batch=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 16, (num_frames - 1) // 4 + 1, size, size, generator=generator)


@IN_PARTS
@pytest.mark.parametrize(
    ("dtype", "lengths"), [(torch.float32, (1, 5, 9, 13, 29, 81)), (torch.bfloat16, (1, 9, 13))], ids=str
)
@torch.inference_mode()
def test_every_length_is_decoded_as_by_the_host(decoding, new_vae, dtype, lengths):
    vae = new_vae(dtype)
    for num_frames in lengths:
        samples = latents(num_frames)
        expected = vae.decode(samples)
        parts = list(decoding.decode_parts(vae, samples, num_frames))
        assert torch.equal(torch.cat(parts, dim=1), expected)
        assert max(part.shape[1] for part in parts) <= 8
        frames = decoding.decode_frames(vae, samples, num_frames)
        assert torch.equal(frames, expected[0]) and frames.dtype == expected.dtype and frames.is_contiguous()


@torch.inference_mode()
def test_frames_beyond_the_count_are_left_out_of_each_video_of_a_batch(decoding, new_vae):
    vae, samples = new_vae(), latents(9, batch=3)
    expected = vae.decode(samples)[:, :7].flatten(0, 1)
    assert torch.equal(decoding.decode_frames(vae, samples, 7), expected)


@torch.inference_mode()
def test_latents_of_fewer_frames_than_are_asked_for_give_all_they_have(decoding, new_vae):
    vae, samples = new_vae(), latents(9)
    assert torch.equal(torch.cat(list(decoding.decode_parts(vae, samples, 99)), dim=1), vae.decode(samples))


@IN_PARTS
@torch.inference_mode()
def test_a_batch_that_does_not_fit_into_memory_is_decoded_one_by_one(decoding, new_vae, monkeypatch):
    """It is asked how many do while another model is still there."""
    vae, samples, real, asked = new_vae(), latents(9, batch=3), decoding.load, []

    def load(vae, needed):
        asked.append(needed)
        if len(asked) == 1:
            raise torch.OutOfMemoryError("of the device")
        real(vae, needed)

    monkeypatch.setattr(decoding, "load", load)
    frames = decoding.decode_frames(vae, samples, 9).unflatten(0, (3, 9))
    assert len(asked) == 4
    assert all(torch.equal(frames[k], vae.decode(samples[k : k + 1])[0]) for k in range(3))


def other_numbers(stream):
    return (part + 1e-3 for part in stream)


def looked_at_again(stream):
    """As from a decoder that goes on from what it gave, which is written into meanwhile."""
    before = 0.0
    for part in stream:
        given = part + 0 * before
        yield given
        before = given[:, :, -1:]


@IN_PARTS
@pytest.mark.parametrize("changed", [other_numbers, looked_at_again])
@torch.inference_mode()
def test_a_device_that_gives_other_numbers_is_left_to_the_host_and_told(decoding, new_vae, monkeypatch, changed):
    vae, samples, real = new_vae(), latents(9), decoding.decode_stream
    monkeypatch.setattr(decoding, "decode_stream", lambda *given: changed(real(*given)))
    with collect_notes() as notes:
        frames = [decoding.decode_frames(vae, samples, 9) for _ in range(2)]
        assert torch.equal(torch.cat(list(decoding.decode_parts(vae, samples, 99)), dim=1), vae.decode(samples))
    assert all(torch.equal(given, vae.decode(samples)[0]) for given in frames)
    (note,) = notes
    assert note.code == "decode-check" and "decoded by ComfyUI's own decoder" in note.text


@torch.inference_mode()
def test_a_network_that_another_pack_changed_is_left_to_the_host(decoding, new_vae):
    vae, samples = new_vae(), latents(9)
    vae.first_stage_model.decode = lambda z, inner=vae.first_stage_model.decode: inner(z) * 0.5
    assert torch.equal(decoding.decode_frames(vae, samples, 9), vae.decode(samples)[0])
    assert torch.equal(next(decoding.decode_parts(vae, samples, 9)), vae.decode(samples))


@IN_PARTS
@torch.inference_mode()
def test_out_of_memory_goes_on_with_the_hosts_own_decoder_and_is_told(decoding, new_vae, monkeypatch):
    vae, samples = new_vae(), latents(21)
    expected = vae.decode(samples)
    real, calls = decoding.decode_stream, []

    def runs_out(network, given):
        for part in real(network, given):
            calls.append(part)
            if len(calls) == 2 and given.shape[-1] == samples.shape[-1] and given.shape[2] == samples.shape[2]:
                raise torch.OutOfMemoryError("of the device")
            yield part

    assert decoding.is_exact(vae, "decode", decoding._try_out, decoding.INEXACT)
    monkeypatch.setattr(decoding, "decode_stream", runs_out)
    with collect_notes() as notes:
        parts = list(decoding.decode_parts(vae, samples, 21))
    assert torch.equal(torch.cat(parts, dim=1), expected) and len(parts) == 2
    assert [note.code for note in notes] == ["decode-memory"]


@IN_PARTS
def test_an_interrupt_ends_decoding_between_parts(decoding, new_vae):
    import comfy.model_management

    stream = decoding.decode_parts(new_vae(), latents(29), 29)
    with torch.inference_mode():
        next(stream)
        comfy.model_management.interrupt_current_processing()
        with pytest.raises(comfy.model_management.InterruptProcessingException):
            next(stream)


@IN_PARTS
@torch.inference_mode()
def test_nothing_beyond_the_frames_asked_for_is_decoded(decoding, decoder_runs):
    vae, runs = decoder_runs
    list(decoding.decode_parts(vae, latents(5), 5))
    runs.clear()
    list(decoding.decode_parts(vae, latents(81), 9))
    assert len(runs) == 2


def test_nothing_is_logged_for_a_known_vae(decoding, new_vae, caplog):
    with torch.inference_mode(), caplog.at_level(logging.INFO, "wan_vace"):
        decoding.decode_frames(new_vae(), latents(5), 5)
    assert not [record for record in caplog.records if record.name == "wan_vace"]
