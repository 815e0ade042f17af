"""The streamed encoder: the host's latents bit for bit and less work; the host's own encoder where it is not known."""

import logging
from functools import partial

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.host.locations import pack_module
from wan_vace.vace_core.conditioning.halves import HalfFrames
from wan_vace.vace_core.notes import collect_notes

pytestmark = pytest.mark.host
GREY = 0.5


def random(num_frames, size=16, seed=0):
    return torch.rand(num_frames, size, size, 3, generator=torch.Generator().manual_seed(seed))


def grey(num_frames, size=16):
    return torch.full((num_frames, size, size, 3), GREY)


def still(num_frames, size=16):
    return random(1, size, 9).expand(num_frames, -1, -1, -1)


def flicker(num_frames, size=16):
    """Two pictures in turn: no frame is as the one before, every chunk is as the chunk before."""
    return random(2, size, 4).repeat(num_frames // 2 + 1, 1, 1, 1)[:num_frames]


# A clip of T frames, by name; each begins, ends or goes on with what stands still.
CLIPS = {
    "random": random,
    "grey": grey,
    "still": still,
    "flicker": flicker,
    "first frame": lambda T, *size: torch.cat([random(1, *size), grey(T - 1, *size)]),
    "first two frames": lambda T, *size: torch.cat([random(2, *size), grey(T - 2, *size)]),
    "first and last": lambda T, *size: torch.cat([random(1, *size), grey(T - 2, *size), random(1, *size)]),
    "held still, then on": lambda T, *size: torch.cat([still(T - 2, *size), random(2, *size)]),
    "still, a jolt, still": lambda T, *size: torch.cat(
        [still(T // 2, *size), random(1, *size), still(T - T // 2 - 1, *size)]
    ),
}


def half_of(frames):
    """A half that is all kept, so that its content is the frames."""
    return HalfFrames(frames, torch.zeros(frames.shape[:3]), len(frames), reactive=False)


def same_as_host(streaming, vae, frames):
    # What is kept goes through (f - 0.5) + 0.5 on the way, in either encoder.
    half = half_of(frames)
    return torch.equal(streaming.encode_half(vae, half), vae.encode(half.whole()))


@pytest.mark.parametrize(
    ("num_frames", "dtype"),
    [*((length, torch.float32) for length in (5, 9, 17, 29, 41, 81)), (9, torch.bfloat16), (45, torch.bfloat16)],
)
@torch.inference_mode()
def test_every_clip_is_encoded_as_by_the_host(streaming, new_vae, num_frames, dtype):
    vae = new_vae(dtype)
    for name, clip in CLIPS.items():
        assert same_as_host(streaming, vae, clip(num_frames)), name


@torch.inference_mode()
def test_frames_of_several_bands_are_encoded_as_by_the_host(streaming, new_vae, monkeypatch):
    half = HalfFrames(random(9, 48), random(9, 48, 1)[..., 0], 9, reactive=True)
    for pixels in (1, 7 * 48, 48 * 48, 2**30):
        monkeypatch.setattr(streaming, "BAND_PIXELS", pixels)
        vae = new_vae()  # which remembers nothing
        assert torch.equal(streaming.encode_half(vae, half), vae.encode(half.whole())), pixels


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_an_empty_clip_is_encoded_once_and_serves_shorter_ones(streaming, new_vae):
    vae, runs = new_vae(), []
    vae.first_stage_model.encoder.conv1.register_forward_hook(lambda *_: runs.append(1))
    encoded, at_first = {}, None
    for num_frames in (41, 17, 41, 5):
        half = HalfFrames(grey(num_frames), torch.ones(num_frames, 16, 16), num_frames, reactive=False, is_empty=True)
        encoded[num_frames] = streaming.encode_half(vae, half)
        at_first = at_first or len(runs)
        assert len(runs) == at_first > 0
    for num_frames, latents in encoded.items():
        assert torch.equal(latents, vae.encode(grey(num_frames)))


@torch.inference_mode()
def test_of_the_same_frames_at_an_empty_clip_s_end_one_is_remembered(streaming, new_vae, memory_of):
    vae, held = new_vae(), {}
    for num_frames in (201, 401, 5, 301):
        half = HalfFrames(grey(num_frames), torch.ones(num_frames, 16, 16), num_frames, reactive=False, is_empty=True)
        assert torch.equal(streaming.encode_half(vae, half), vae.encode(grey(num_frames)))
        held[num_frames] = memory_of(vae).num_bytes
    latents_of_200 = 16 * 50 * 2 * 2 * 4
    assert held[401] < held[201] + 2 * latents_of_200, held


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
@pytest.mark.parametrize("empty", [0, 1], ids=["inactive", "reactive"])
def test_an_empty_half_is_encoded_last_and_stays_in_its_place(streaming, new_vae, empty):
    vae, seen = new_vae(), []
    vae.first_stage_model.encoder.conv1.register_forward_pre_hook(lambda _, given: seen.append(bool(given[0].any())))
    clips = [random(17), random(17)]
    clips[empty] = grey(17)
    expected = torch.cat([vae.encode(clip) for clip in clips], dim=1)
    streaming.encode_half(vae, half_of(random(5)))  # the device is tried out
    seen.clear()
    assert torch.equal(streaming.encode_halves(vae, tuple(map(half_of, clips)), ()), expected)
    assert seen == sorted(seen, reverse=True) and any(seen) and not all(seen)


def counted(run):
    """Arithmetic of a run, and what it gives."""
    with FlopCounterMode(display=False) as counter:
        given = run()
    return counter.get_total_flops(), given


# Control, kept frames, a reference or none, how many times less arithmetic at first and with grey remembered.
TASKS = {
    "reference only": (None, None, True, 6.5, 100),
    "control": (lambda: random(81, 32), None, False, 1.5, 1.95),
    "first frame": (lambda: CLIPS["first frame"](81, 32), 1, False, 3.3, 6.5),
    "17 kept frames": (lambda: torch.cat([random(17, 32), grey(64, 32)]), 17, False, 2.4, 3.9),
}


def mask_of(num_kept):
    if num_kept is None:
        return None
    mask = torch.ones(81, 32, 32)
    mask[:num_kept] = 0
    return mask


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@pytest.mark.parametrize("task", TASKS)
@torch.inference_mode()
def test_less_is_computed_than_in_the_core_node_and_the_same_comes_out(call, new_vae, prompts, task):
    control, num_kept, with_reference, at_first, remembered = TASKS[task]
    video, mask = control and control(), mask_of(num_kept)
    reference = random(1, 32, 5) if with_reference else None
    size = {"width": 32, "height": 32, "length": 81}
    vae = new_vae()

    def native():
        return call(
            "WanVaceToVideo", positive=prompts[0], negative=prompts[1], vae=vae, batch_size=1, strength=1.0,
            control_video=video, control_masks=mask, reference_image=reference, **size,
        )[0][0][1]["vace_frames"][0]  # fmt: skip

    def ours():
        vcu, _ = call(
            "VaceBuildVcu", references={} if reference is None else {"reference_image_0": reference}, fit="cover",
            inside_mask="control", soft_mask=False, control_video=video, control_masks=mask, **size,
        )  # fmt: skip
        return call("VaceEncodeVcu", vae=vae, vcu=vcu)[0].latents

    streaming = pack_module("nodes._host.conditioning.streaming")
    streaming.encode_half(vae, half_of(random(5)))  # the check of the device, once for each VAE
    (theirs, expected), (first, latents) = counted(native), counted(ours)
    assert torch.equal(latents, expected)
    pack_module("nodes._host.conditioning.clip_memory").memory_of(vae).clear()
    streaming.encode_half(vae, HalfFrames(grey(81, 32), torch.ones(81, 32, 32), 81, reactive=False, is_empty=True))
    again, latents = counted(ours)
    assert torch.equal(latents, expected)
    print(f"{task}: {theirs / first:.2f} times less at first, {theirs / again:.2f} with grey remembered")
    assert theirs / first >= at_first and theirs / again >= remembered


def unknown_network(vae):
    vae.first_stage_model.encode = type(vae.first_stage_model).encode.__get__(vae.first_stage_model)


def unknown_layer(vae):
    encoder = vae.first_stage_model.encoder
    encoder.middle[1] = torch.nn.Sequential(encoder.middle[1])
    encoder.middle[1].forward = lambda x, *_, **__: encoder.middle[1][0](x)


def patched_vae(vae):
    vae.encode = type(vae).encode.__get__(vae)


@pytest.mark.parametrize("change", [unknown_network, unknown_layer, patched_vae])
@torch.inference_mode()
def test_an_encoder_of_another_build_is_the_hosts_alone_and_the_log_says_so_once(streaming, new_vae, change, caplog):
    vae = new_vae()
    change(vae)
    with caplog.at_level(logging.INFO, "wan_vace"):
        assert all(same_as_host(streaming, vae, clip(9)) for clip in CLIPS.values())
    assert [record.message for record in caplog.records].count(
        "This VAE or ComfyUI is not of the known build: clips are encoded by ComfyUI's own encoder."
    ) == 1


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_an_encoder_that_gives_other_numbers_each_time_is_found_out_and_said(streaming, new_vae):
    vae = new_vae()
    noise = torch.Generator().manual_seed(1)

    def drift(_layer, _given, out):
        return out + torch.randn(out.shape, generator=noise) * 1e-3

    vae.first_stage_model.encoder.middle[0].register_forward_hook(drift)
    with collect_notes() as notes:
        latents = streaming.encode_half(vae, half_of(random(9)))
    assert latents.shape == (1, 16, 3, 2, 2)
    (note,) = notes
    assert note.code == "encode-check" and "clips are encoded by ComfyUI's own encoder" in note.text


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_too_little_memory_falls_back_to_the_hosts_tiles_which_are_said_and_not_remembered(call, new_vae, caplog):
    vae, limit = new_vae(), 16
    call("VaceEncodeVcu", vae=vae, vcu=call("VaceBuildVcu", control_video=random(5, 32, 1))[0])

    def fail(_layer, given):
        if given[0].shape[3] > limit:
            raise torch.cuda.OutOfMemoryError("out of memory")

    hook = vae.first_stage_model.encoder.conv1.register_forward_pre_hook(fail)
    vae.encode_tiled_3d = partial(vae.encode_tiled_3d, overlap=(1, 8, 8))
    tiled, vae.encode_tiled_3d = vae.encode_tiled_3d, lambda pixels, **_: tiled(pixels, tile_x=16, tile_y=16)
    vcu = call("VaceBuildVcu", control_video=random(17, 32))[0]
    with caplog.at_level(logging.INFO, "wan_vace"):
        in_tiles = call("VaceEncodeVcu", vae=vae, vcu=vcu)[0].latents
    assert any("Encoding did not fit into the memory of the device" in record.message for record in caplog.records)
    hook.remove()
    whole = call("VaceEncodeVcu", vae=vae, vcu=vcu)[0].latents
    assert torch.equal(whole[:, 16:], vae.encode(vcu.frames)) and not torch.equal(whole, in_tiles)


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@pytest.mark.parametrize("missing", ["format_encoded", "disable_offload"])
@torch.inference_mode()
def test_an_older_host_encodes_by_itself(streaming, new_vae, missing):
    vae = new_vae()
    assert streaming._can_stream(vae)
    whole = vae.encode(half_of(random(9)).whole())
    delattr(vae, missing)
    assert not streaming._can_stream(vae)
    vae.encode = lambda _frames: whole  # today's host reads them itself
    assert torch.equal(streaming.encode_half(vae, half_of(random(9))), whole)
    both = streaming.encode_halves(vae, (half_of(random(9)), half_of(random(9))), ())
    assert torch.equal(both, torch.cat([whole, whole], dim=1))


@torch.inference_mode()
def test_an_interrupted_encode_stops_at_once_and_the_next_is_right(host, streaming, new_vae):
    import comfy.model_management as management

    vae, half = new_vae(), half_of(CLIPS["first frame"](41))
    streaming.encode_half(vae, half_of(random(5)))
    runs = []

    def interrupt(*_):
        runs.append(1)
        if len(runs) == 3:
            management.interrupt_current_processing()

    hook = vae.first_stage_model.encoder.conv1.register_forward_hook(interrupt)
    with pytest.raises(management.InterruptProcessingException):
        streaming.encode_half(vae, half)
    hook.remove()
    assert len(runs) == 3
    assert torch.equal(streaming.encode_half(vae, half), vae.encode(half.whole()))


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_an_encode_interrupted_in_any_block_leaves_what_is_remembered_as_it_was(host, streaming, new_vae, memory_of):
    from comfy.model_management import InterruptProcessingException

    vae, other, half = new_vae(), half_of(random(5)), half_of(CLIPS["first and last"](17))
    expected, before = vae.encode(half.whole()), streaming.encode_half(vae, other)
    held, encoder = memory_of(vae).num_bytes, vae.first_stage_model.encoder
    for number, block in enumerate((encoder.conv1, *encoder.downsamples, *encoder.middle, encoder.head[-1])):
        runs = []

        def interrupt(*_, runs=runs, last=1 + number % 2):
            runs.append(1)
            if len(runs) == last:
                raise InterruptProcessingException

        hook = block.register_forward_hook(interrupt)
        with pytest.raises(InterruptProcessingException):
            streaming.encode_half(vae, half)
        hook.remove()
        assert memory_of(vae).num_bytes == held and streaming.encode_half(vae, other) is before
    assert torch.equal(streaming.encode_half(vae, half), expected)


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_interrupted_in_its_second_half_no_more_is_remembered_than_the_first(host, streaming, new_vae, memory_of):
    from comfy.model_management import InterruptProcessingException

    vae, runs = new_vae(), []
    first, second = half_of(random(17)), half_of(random(17, seed=1))
    streaming.encode_half(vae, half_of(random(5)))  # the device is tried out
    memory_of(vae).clear()

    def interrupt(*_):
        runs.append(1)
        if len(runs) > 9:  # a half is 9 runs
            raise InterruptProcessingException

    hook = vae.first_stage_model.encoder.conv1.register_forward_hook(interrupt)
    with pytest.raises(InterruptProcessingException):
        streaming.encode_halves(vae, (first, second), [torch.zeros(1, 16, 1, 2, 2)] * 3)
    hook.remove()
    latents = streaming.encode_half(vae, first)
    assert len(runs) == 10
    assert memory_of(vae).num_bytes == latents.nbytes == latents.untyped_storage().nbytes()


@pytest.mark.since("0.27.0", reason="before, clips are encoded by the host's own encoder, which is not known")
@torch.inference_mode()
def test_latents_have_the_vae_s_type_whichever_half_was_encoded_in_tiles(streaming, new_vae, monkeypatch):
    moving = half_of(random(17))
    empty = HalfFrames(grey(17), torch.ones(17, 16, 16), 17, reactive=False, is_empty=True)
    for halves in ((moving, empty), (empty, moving)):
        vae = new_vae()
        monkeypatch.setattr(vae, "vae_output_dtype", lambda: torch.float16)
        streaming.encode_half(vae, empty)
        with monkeypatch.context() as patched:  # the device's memory does not do for what moves
            patched.setattr(streaming, "_encode_new", lambda *_: None)
            patched.setattr(streaming, "encode", lambda _vae, frames: new_vae().encode(frames))
            with collect_notes() as notes:
                assert streaming.encode_halves(vae, halves, ()).dtype == torch.float16
            assert [note.code for note in notes] == ["encode-memory"]
        with collect_notes() as notes:
            streaming.encode_halves(vae, halves, ())
        assert not notes
