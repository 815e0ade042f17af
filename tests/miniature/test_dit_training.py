"""What the transformers learn from, and how it is computed."""

from collections import Counter

import pytest
import torch

from wan_vace.miniature.train import dit_training
from wan_vace.miniature.train.data import Targets, encode_pictures, word_table
from wan_vace.miniature.train.dit_training import BaseLesson
from wan_vace.miniature.world import words
from wan_vace.miniature.world.scenes import random_scene
from wan_vace.training import flow_matching

pytestmark = pytest.mark.usefixtures("gradients")


def targets(count, length, word):
    return Targets(torch.full((count, 16, length, 2, 2), float(length)).half(), word_table([[word]] * count))


@pytest.fixture
def footage():
    return BaseLesson(targets(7, 5, 1), targets(3, 9, 2), targets(4, 1, 3))


def kinds(footage, part, count=400):
    found = Counter()
    for seed in range(count):
        clean, table = footage.draw(torch.Generator().manual_seed(seed), part)
        assert len(clean) == len(table) and (table[:, 0] == table[0, 0]).all()
        found[(int(table[0, 0]), clean.shape[2], len(clean))] += 1
    return {kind: times / count for kind, times in found.items()}


def test_the_base_sees_pictures_less_and_less_and_clips_of_two_lengths(footage):
    clips, longer = (1, 5, 12), (2, 9, 6)
    stills, pictures = (1, 1, 48), (3, 1, 48)
    first, last = kinds(footage, 0.0), kinds(footage, 1.0)
    assert set(first) == set(last) == {clips, longer, stills, pictures}
    assert first[stills] + first[pictures] == pytest.approx(dit_training.STILLS, abs=0.06)
    assert last[stills] + last[pictures] == pytest.approx(dit_training.FEWER_STILLS, abs=0.06)
    assert first[pictures] == pytest.approx(dit_training.STILLS * dit_training.PICTURES, abs=0.06)
    assert first[longer] == pytest.approx(dit_training.LONGER, abs=0.05)


def test_the_same_chance_gives_the_same_batch(footage):
    draws = [footage.draw(torch.Generator().manual_seed(5), 0.3) for _ in range(2)]
    assert all(torch.equal(one, other) for one, other in zip(*draws, strict=True))


@pytest.mark.host
def test_pictures_are_of_things_alone(host):
    from wan_vace.miniature.networks import models

    found = encode_pictures(models.new_vae().requires_grad_(False), range(3))
    assert found.latents.shape == (3, 16, 1, 8, 8)
    told = [[words.WORDS[number - 1] for number in row.tolist() if number] for row in found.words]
    assert [" ".join(one) for one in told] == [random_scene(seed).things[0].words for seed in range(3)]


@pytest.mark.host
@pytest.mark.parametrize("heads", [1, 3])
def test_attention_written_out_is_the_hosts(host, heads):
    from comfy.ldm.modules.attention import attention_pytorch

    q, k, v = (torch.randn(2, n, heads * 8, requires_grad=True) for n in (6, 5, 5))
    expected = attention_pytorch(q, k, v, heads)
    found = flow_matching.plain_attention(None, q, k, v, heads)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    for one, other in zip(
        *(torch.autograd.grad((out * weights).sum(), (q, k, v)) for out in (found, expected)), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.host
def test_a_model_uses_the_attention_it_is_given(host):
    from wan_vace.miniature.networks import models

    calls = []

    def counted(func, *args, **kwargs):
        calls.append(1)
        return flow_matching.plain_attention(func, *args, **kwargs)

    torch.manual_seed(0)
    model, text = models.new_dit(num_layers=2), words.word_vectors([[1, 2]])
    noise, time = torch.randn(1, 16, 1, 4, 4), torch.tensor([0.5])
    with torch.no_grad():
        model.head.head.weight.normal_()
        found = flow_matching.velocity_of(model, text, attention=counted)(noise, time)
        expected = flow_matching.velocity_of(model, text)(noise, time)
    assert len(calls) == 4
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.host
def test_compiled_blocks_keep_their_names(host):
    from wan_vace.miniature.networks import models

    plain, compiled = (models.new_dit(True, num_layers=2, vace_layers=1) for _ in range(2))
    models.compile_blocks(compiled)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    assert all(block._compiled_call_impl for block in (*compiled.blocks, *compiled.vace_blocks))
