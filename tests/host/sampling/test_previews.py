"""What VACE Sample Context shows while it runs, and what it says when memory runs out or somebody stops it."""

import numpy as np
import pytest
import torch

pytestmark = pytest.mark.host


@pytest.fixture
def shown(host, monkeypatch):
    """What the host would show: (step, steps, picture) of each update, with latent2rgb previews on.

    Its flag for deterministic runs makes it wait for each copy from the device, which it makes the picture of.
    """
    import comfy.utils
    from comfy.cli_args import LatentPreviewMethod, args

    hook, updates = comfy.utils.PROGRESS_BAR_HOOK, []
    monkeypatch.setattr(args, "preview_method", LatentPreviewMethod.Latent2RGB)
    monkeypatch.setattr(args, "deterministic", True)
    comfy.utils.set_progress_bar_global_hook(
        lambda value, total, preview, **_: updates.append((value, total, preview and np.asarray(preview[1])))
    )
    yield updates
    comfy.utils.set_progress_bar_global_hook(hook)


def picture_of(model, samples):
    """The host's own preview of a finished latent."""
    import latent_preview

    previewer = latent_preview.get_previewer(model.load_device, model.model.latent_format)
    return np.asarray(previewer.decode_latent_to_preview(model.model.process_latent_in(samples))).astype(int)


@pytest.mark.parametrize("experts", [1, 2])
def test_the_preview_shows_the_video_and_counts_all_steps(parts, sample, shown, vace_model, experts):
    low = {"low_noise_model": vace_model.clone()} if experts == 2 else {}
    latent, video = sample(**parts, **low)
    assert [update[:2] for update in shown] == [(1, 3), (2, 3), (3, 3)]
    last = shown[-1][2].astype(int)  # the last step of euler ends at the estimate that is shown
    assert np.abs(last - picture_of(vace_model, video["samples"])).max() <= 1
    assert np.abs(last - picture_of(vace_model, latent["samples"])).max() > 20  # a reference


def test_the_host_alone_shows_the_reference(call, parts, shown, vace_model):
    numbers = {"steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    named = {**parts, "latent_image": parts["latent"]}
    del named["latent"]
    (latent,) = call("KSampler", seed=3, **named, **numbers)
    assert np.abs(shown[-1][2].astype(int) - picture_of(vace_model, latent["samples"])).max() <= 1


def failing(model, error):
    """The model, raising while it runs."""

    def fail(apply_model, arguments):
        raise error

    broken = model.clone()
    broken.set_model_unet_function_wrapper(fail)
    return broken


MESSAGE = (
    r"Out of memory while sampling 48 x 32, 5 frames, 2 references, 1 VCU, 2 videos at once: 48 tokens\. "
    r"Lower the size or the length first.*references.*VACE Crop VCU.*VACE Set Context Windows.*GGUF"
    r".*It said: CUDA out of"
)


def out_of_memory_errors():
    errors = [torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")]
    if hasattr(torch, "AcceleratorError"):
        errors.append(torch.AcceleratorError("CUDA out of memory on another accelerator"))
    return errors


@pytest.mark.parametrize("error", out_of_memory_errors(), ids=lambda e: type(e).__name__)
def test_out_of_memory_says_what_ran_out_in_the_hosts_own_error(parts, sample, vace_model, error):
    import comfy.model_management

    oom = comfy.model_management.OOM_EXCEPTION
    known = getattr(comfy.model_management, "is_oom", lambda raised: isinstance(raised, oom))  # older hosts know fewer
    with pytest.raises(type(error), match=MESSAGE if known(error) else "CUDA out of memory") as caught:
        sample(**{**parts, "model": failing(vace_model, error)})
    assert type(caught.value) is type(error) and known(caught.value) == known(error)


def test_interrupts_and_other_errors_pass_as_they_are(parts, sample, vace_model):
    import comfy.model_management

    for error in (comfy.model_management.InterruptProcessingException(), RuntimeError("something else")):
        with pytest.raises(type(error)) as caught:
            sample(**{**parts, "model": failing(vace_model, error)})
        assert caught.value is error
