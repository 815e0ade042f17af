"""Clips drawn by other processes are those drawn in this one, in the same order, and end with the time."""

import time

import pytest
import torch

from wan_vace.miniature.train import data
from wan_vace.miniature.train.drawing import CAN_FORK, Drawing
from wan_vace.miniature.train.tasks import choose_world_task
from wan_vace.miniature.train.vae_training import pool_of

forked = pytest.mark.skipif(not CAN_FORK, reason="processes are forked here or not used")


def flat(chunks):
    return [one for chunk in chunks for one in chunk]


def squared(seed):
    return seed, torch.full((2, 3), seed / 3), torch.tensor([seed])


def slow(seed):
    time.sleep(0.05)
    return seed


@forked
def test_processes_give_the_same_in_the_same_order():
    here, there = (list(Drawing(workers=workers).chunks(squared, range(50, 91), 16)) for workers in (0, 3))
    assert [len(chunk) for chunk in there] == [16, 16, 9]
    for (seed, third, number), (other, about, same) in zip(flat(here), flat(there), strict=True):
        assert seed == other and torch.equal(number, same)
        assert about.dtype == torch.float32 and torch.equal(about, third.half().float())


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=forked)])
def test_a_limit_ends_it_but_not_before_the_fewest(workers):
    begin = time.perf_counter()
    few = list(Drawing(workers=workers, seconds=0.0, fewest=5).chunks(slow, range(10_000), 3))
    some = list(Drawing(workers=workers, seconds=0.6, fewest=1).chunks(slow, range(10_000), 3))
    assert few == [[0, 1, 2], [3, 4]]
    assert 1 <= sum(map(len, some)) < 2000 and time.perf_counter() - begin < 60
    assert flat(some) == list(range(sum(map(len, some))))


@forked
def test_who_stops_early_leaves_no_process_that_waits():
    chunks = Drawing(workers=2).chunks(slow, range(10_000), 2)
    assert next(chunks) == [0, 1]
    begin = time.perf_counter()
    chunks.close()
    assert time.perf_counter() - begin < 20


@forked
def test_a_pool_for_the_vae_is_the_same():
    here, there = (pool_of(3, 70, Drawing(128, workers)) for workers in (0, 2))
    assert here.shape[1:] == (17, 128, 128, 3) and here.dtype == torch.uint8 and torch.equal(here, there)


@forked
def test_requests_are_the_same_but_for_half_precision():
    draw = data.partial(data._request, choose=choose_world_task, length=5, pixels=64)
    here, there = (flat(Drawing(workers=workers).chunks(draw, range(8), 4)) for workers in (0, 2))
    for (name, vcu), (other, same) in zip(here, there, strict=True):
        assert name == other and vcu.kind == same.kind and len(vcu.references) == len(same.references)
        torch.testing.assert_close(same.frames, vcu.frames, atol=5e-4, rtol=0)
        assert torch.equal(same.mask, vcu.mask)
    assert {name for name, _ in here} != {here[0][0]}
