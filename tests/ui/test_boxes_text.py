"""The editor reads the text of boxes as the nodes do, and writes back what it does not change, to the letter."""

import itertools

import pytest

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.video import EASINGS, boxes_at, parse_tracks

SIZE = {"width": 350, "height": 200}
READ = [
    "10,20,110,120",
    "62%,64%,91%,97% 66%,65%,94%,98%",
    "dog: 0,100,200,300 600,100,800,300",
    "0,0,100,100 200,0,300,100@40 0,0,100,100",
    "cat#ff8000: 10%,40%,30%,90%  60% , 40%,80%,90% @ 50% 60%,10%,80%,60%",
    "0,0,9,9 1,0,10,9 2,0,11,9 3,0,12,9@30 4,0,13,9 5,0,14,9",
    "0,0,9,9@3 5,5,14,14@20",
    "  1,1,2,2 ;\n\n-20,-20,-4.5,+.5;a: 1,2,3,4\n",
    "curved 0,0,100,100 200,50,300,150@40 30,90,130,190",
    "dog: CURVED 62%,64%,91%,97%  9,9,50,60@20 66%,65%,94%,98%@50% 0,0,30,30",
    "curved 5,5,60,70",
    "",
    " \n ",
]
UNREADABLE = [
    "word",
    "1,2,3",
    f"0,0,{'9' * 400},9",
    "1,2,1,9",
    "9,9,1,1",
    "dog:",
    "curved",
    "0,0,9,9 curved 1,1,10,10",
    "1,2,3,4@99",
    "1,2,3,4@-1",
    "0,0,1,1@9 0,0,2,2@3",
    "0,0,1,1 1,1,2,2@0",
]
MODULE = "/extensions/wan-vace/js/editors/boxes_text.mjs"
BOXES = """async ([module, text, frame]) => {
  const {parse, boxAt} = await import(module);
  const lines = parse(text, frame).filter(line => line.raw.trim());
  const all = [...Array(frame.count).keys()];
  return lines.map(line => line.keys ? all.map(index => boxAt(line, index, frame)) : line.error);
}"""
PRINTED = """async ([module, text, frame]) => {
  const {parse, print} = await import(module);
  return print(parse(text, frame));
}"""
ONE_MODE = pytest.mark.parametrize("mode", ["classic"], indirect=True)


def shown(canvas, text, count=60, easing="linear", stops_short=False):
    frame = SIZE | {"count": count, "easing": easing, "stopsShort": stops_short}
    return canvas.page.evaluate(BOXES, [MODULE, text, frame])


@ONE_MODE
@pytest.mark.parametrize("text", READ)
def test_boxes_are_where_the_nodes_put_them(canvas, text):
    for easing, stops_short in itertools.product(EASINGS, (False, True)):
        compare(canvas, text, easing, stops_short)


def compare(canvas, text, easing, stops_short):
    tracks = parse_tracks("boxes", text, SIZE["height"], SIZE["width"], 60)
    expected = [[box.sides for box in boxes_at(track, 60, easing, not stops_short)] for track in tracks]
    actual = shown(canvas, text, easing=easing, stops_short=stops_short)
    assert len(actual) == len(expected)
    for line, path in zip(actual, expected, strict=True):
        assert [x for box in line for x in box] == pytest.approx([x for box in path for x in box], rel=0, abs=1e-9)


@ONE_MODE
@pytest.mark.parametrize("text", UNREADABLE)
def test_what_the_nodes_refuse_is_not_drawn(canvas, text):
    with pytest.raises(VaceInputError):
        parse_tracks("boxes", text, SIZE["height"], SIZE["width"], 60)
    assert all(isinstance(line, str) and line for line in shown(canvas, text))


@ONE_MODE
def test_one_frame_and_two_thousand(canvas):
    for count in (1, 2000):
        (track,) = parse_tracks("boxes", READ[1], SIZE["height"], SIZE["width"], count)
        assert shown(canvas, READ[1], count)[0][-1] == pytest.approx(boxes_at(track, count)[-1].sides)


@ONE_MODE
@pytest.mark.parametrize("text", READ + UNREADABLE)
def test_a_text_that_is_not_edited_stays_as_it_is(canvas, text):
    assert canvas.page.evaluate(PRINTED, [MODULE, text, SIZE | {"count": 60}]) == text
