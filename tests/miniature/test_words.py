"""The closed vocabulary: what it takes, what it refuses, and its vectors."""

import pytest
import torch

from wan_vace.miniature.world import words
from wan_vace.miniature.world.scenes import random_scene


@pytest.mark.parametrize("seed", range(0, 300, 7))
def test_every_caption_of_the_world_is_read_and_written_back(seed):
    caption = random_scene(seed).caption
    assert " ".join(words.WORDS[number - 1] for number in words.token_ids(caption)) == caption


def test_case_commas_and_small_words_do_not_count():
    assert words.token_ids("The red circle, and a SQUARE.") == words.token_ids("red circle a square")


def test_unknown_words_are_named_each_once_with_those_that_are_known():
    with pytest.raises(words.UnknownWordError) as error:
        words.token_ids("a purple dragon beside a purple circle")
    assert "does not know beside, dragon, purple." in str(error.value)
    assert all(word in str(error.value) for word in words.WORDS)


def test_as_many_words_as_fit_and_no_more():
    assert len(words.token_ids("red " * words.CAPTION_LENGTH)) == words.CAPTION_LENGTH
    with pytest.raises(
        words.UnknownWordError, match=f"reads {words.CAPTION_LENGTH} words, the prompt has {words.CAPTION_LENGTH + 1}"
    ):
        words.token_ids("red " * (words.CAPTION_LENGTH + 1))


def test_vectors_say_word_and_place_and_fill_up_with_no_word():
    found = words.word_vectors([words.token_ids("red circle"), []])
    assert found.shape == (2, words.CAPTION_LENGTH, words.TEXT_DIM)
    word, place = found.split([words.NUM_WORDS, words.CAPTION_LENGTH], dim=2)
    assert word.argmax(2)[0, :3].tolist() == [words.WORDS.index("red") + 1, words.WORDS.index("circle") + 1, 0]
    assert not word.argmax(2)[1].any()
    assert torch.equal(place[1], words.GAIN * torch.eye(words.CAPTION_LENGTH))


def test_there_is_room_for_every_word():
    assert len(set(words.WORDS)) == len(words.WORDS) < words.NUM_WORDS
