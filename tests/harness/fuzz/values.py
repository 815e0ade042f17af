"""Values for one input: such as it takes, its edges, and such as it cannot take."""

from __future__ import annotations

import math
from random import Random

from ..browser.specs import DYNAMIC
from .described import Input

# What costs as much as its number says: what is usual here, and where its range ends here.
COSTLY = {
    **dict.fromkeys(("width", "height", "resize_type.width", "resize_type.height"), (16, 64, 256)),
    **dict.fromkeys(("length", "batch_size", "amount", "hold"), (1, 9, 33)),
    **dict.fromkeys(("gap", "before", "after", "overlap_first", "overlap_second", "between"), (0, 8, 33)),
    **dict.fromkeys(("left", "right", "top", "bottom"), (0, 1, 3)),
    **dict.fromkeys(("steps", "iterations"), (1, 2, 3)),
    **dict.fromkeys(("grow", "feather", "expand"), (-4, 8, 64)),
    "segment_length": (9, 17, 33),
    "overlap": (0, 4, 33),
    "fps": (1, 30, 240),
    "megapixels": (0.01, 0.02, 0.05),
}
LARGE = ("480p", "720p")  # choices that make any picture so large
ONE_STEP = "custom"  # settings of one's own: the named ones take up to 50 steps

JUNK = (None, True, "", "text", "5", "nan", [], {}, [1, 2, 3], {"__value__": [1, 2]}, {"samples": 1}, 0.5, -1, 1e30)
NUMBERS = (math.nan, math.inf, -math.inf, 1e300, -1e300, 2**63, -(2**64), 10**400, "1e999", "0x10", "1_0", "²")
TEXTS = (
    *("", " ", "text", "None", "null", "nan", "inf", "-inf", "-0", "1e309", "0x10", "1_0", "²", "\u0661\u0662", ".5"),
    *("../../x", "..", "/etc/passwd", "C:\\x", "\\\\host\\x", "con", "a/b/c", "~", "%date%", "%width%", ".", "x" * 300),
    *(
        "a\0b",
        "\x1b[31m",
        "\u202e",
        "e\u0301",
        "\ud800",
        "🦊" * 9,
        "\r\n\t",
        "\ufeff0",
        "\u3000",
        "<b>&amp;",
        "{0}",
        "%s",
    ),
    *("9" * 5000, "1" * 400 + ".5", "-" * 100, "[" * 5000, "a " * 50_000, "0," * 2000, "0-999999999", "999999999"),
    *(
        "0-",
        "-5",
        "5-1",
        "1:",
        ":1",
        "0:1",
        "50%",
        "200%",
        "-10%",
        "1/0",
        "0:0",
        "16:9",
        "16:0",
        "#fff",
        "#ggg",
        "rgb(1)",
    ),
    *("{}", "[]", "[[]]", "[1]", "true", '{"people": []}', '{"people": 7}', '[{"people": [{}]}]'),
)
# A form that is right, from which wrong ones are made by changing a few letters.
FORMS = {
    "boxes": "0,0,16,16 25%,25%,75%,75%; 4,4,20,28",
    "positions": "0, -1",
    "steps": "0:1, 50%:1, 50%:0",
    "frames": "1, 0.5, 0",
    "blocks": "1, 0.4",
    "vcus": "1, 2",
    "references_per_window": "1: none; 2: all",
    "redo": "1",
    "aspect": "16:9",
    "colour": "#ff8000",
    "subject_points": "8,8 10,12",
    "background_points": "1,1",
    "which_frames": "0, 2-3",
    "mask_frames": "0, 4",
    "prompts": "a fox",
    "run": "fuzz",
    "filename_prefix": "fuzz/one",
    "pose_json": '[{"people": [{"pose_keypoints_2d": [1, 2, 1, 4, 5, 0.5, 7, 8, 1]}], "canvas_width": 32, '
    '"canvas_height": 32}]',
}
LETTERS = '0123456789,.:;%-+e xN#[]{}"\n\0é'


def usual(one: Input, random: Random) -> object:
    """A value that the input takes, as a rule; no more of it than a small machine can work through."""
    if one.type in ("COMBO", DYNAMIC):
        if ONE_STEP in one.choices and one.name == "settings" and random.random() < 0.97:
            return ONE_STEP
        return random.choice([each for each in one.choices if each not in LARGE] or ["none"])
    if one.type == "BOOLEAN":
        return random.random() < 0.5
    if one.type == "STRING":
        form = FORMS.get(one.name, "a fox")
        return form if random.random() < 0.6 else one.options.get("default", form)
    return _number(one, random)


def edge(one: Input, random: Random) -> object:
    """A value at the end of what the input takes."""
    if one.type in ("INT", "FLOAT"):
        least, most = _range(one)
        top = COSTLY.get(one.name, (0, 0, most))[2]
        step = one.options.get("step", 1)
        return random.choice(
            [least, min(most, top), min(least + step, most, top), _whole(one, min(max(0, least), most))]
        )
    return text(one, random) if one.type == "STRING" else usual(one, random)


def bad(one: Input, random: Random) -> object:
    """A value that the input cannot take, in most cases."""
    if one.type in ("INT", "FLOAT"):
        least, most = _range(one)
        return random.choice([least - 1, most + 1, *NUMBERS, *JUNK])
    if one.type == "STRING":
        return text(one, random) if random.random() < 0.9 else random.choice(JUNK)
    if one.choices:
        choice = str(random.choice(one.choices))
        return random.choice([choice.upper(), f"{choice} ", random.choice(TEXTS), *JUNK])
    return random.choice(JUNK)


def text(one: Input, random: Random) -> str:
    """A text that is odd, or nearly right."""
    form = FORMS.get(one.name)
    if form is None or random.random() < 0.4:
        return random.choice(TEXTS)
    letters = list(form)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(letters) + 1)
        letters[place : place + random.randint(0, 2)] = random.choices(LETTERS, k=random.randint(0, 2))
    return "".join(letters)


def is_costly(one: Input) -> bool:
    """Whether its default may be more than a small machine can work through."""
    return one.name in COSTLY or one.name == "settings" or any(each in LARGE for each in one.choices)


def _range(one: Input) -> tuple[float, float]:
    return one.options.get("min", -1e6), one.options.get("max", 1e6)


def _number(one: Input, random: Random) -> object:
    least, most = _range(one)
    default = one.options.get("default", least)
    if one.name in COSTLY:
        low, high, _ = COSTLY[one.name]
        if default == 0 and random.random() < 0.4:
            return _whole(one, 0)
        least, most = max(low, least), max(min(high, most), least)
    elif random.random() < 0.4:
        return default
    else:
        span = max(abs(default), 1)
        least, most = max(least, default - span), min(most, default + span)
    value = random.uniform(least, most)
    step = one.options.get("step", 1)
    value = min(max(round(value / step) * step, least), most) if one.type == "INT" or random.random() < 0.5 else value
    return _whole(one, value)


def _whole(one: Input, value: float) -> float:
    return round(value) if one.type == "INT" else value
