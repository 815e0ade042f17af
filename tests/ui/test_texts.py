"""What the page says comes from one module, in every language."""

import re
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "web" / "js"
TEXTS = SCRIPTS / "texts.mjs"
MODULE = "/extensions/wan-vace/js/texts.mjs"
READ = "async module => { const {TEXTS, LANGUAGES} = await import(module); return [TEXTS, LANGUAGES]; }"
ONE_MODE = pytest.mark.parametrize("mode", ["classic"], indirect=True)
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`')
COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)
TWO_WORDS = re.compile(r"[A-Za-z]{2,},? [A-Za-z]{2,}")
SHOWN_WORD = re.compile(
    r'(?:button|setter|fillText|label|note)\((?:context, )?"[^"]*[A-Za-z]{3}|(?:textContent|title)\s*[:=] "[A-Z]'
)
NO_TEXTS = [
    re.compile(r"\d+px sans-serif$"),
    re.compile(r"^ease (in|out|in-out)$"),  # values of an input
    re.compile(r"^\s*\.wan-vace-editor\{"),  # the styles
    re.compile(r"^wan-vace-[a-z]+( low)?$"),
    re.compile(r"^no $"),  # errors of a programmer
    re.compile(r"^no text $"),
    re.compile(r"^Wan VACE$"),
]
NAMES = {"inner", "ratio", "pixels", "overlap", "snap", "hold", "Delete", "VCU"}  # of inputs, choices and keys
RECORD = """() => {
  window.drawnWords = [];
  const {fillText} = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (words, ...where) {
    if (this.canvas.closest(".wan-vace-editor")) window.drawnWords.push(String(words));
    return fillText.call(this, words, ...where);
  };
}"""
SEEN = """id => {
  const root = canvas.editorRoot(id), parts = [root, ...root.querySelectorAll("*")];
  const own = part => [...part.childNodes].filter(one => one.nodeType === 3).map(one => one.data);
  return parts.flatMap(part => [...own(part), part.title, part.getAttribute("aria-label")]).filter(Boolean);
}"""
NODES = {
    "clip": ("LoadVideo", {"file": "boy_and_dog.mp4"}, (0, 500)),
    "inpaint": ("VaceInpaintVideo", {"boxes": "9,9,99,99 20,20,90,90\nwhat"}, (0, 0)),
    "outpaint": ("VaceOutpaintVideo", {"by": "pixels"}, (420, 0)),
    "extend": ("VaceExtendVideo", {"after": 5}, (840, 0)),
    "keyframes": ("VacePlaceKeyframes", {"positions": "1x2, 77"}, (0, 900)),
}
WIRES = [("clip", 0, name, "video") for name in ("inpaint", "outpaint", "extend")]


def sources():
    files = [path for path in SCRIPTS.rglob("*js") if path != TEXTS]
    return {path.name: COMMENT.sub("", path.read_text("utf-8")) for path in files}


def literals(text):
    return [re.sub(r"\$\{[^{}]*\}", "", "".join(pair)) for pair in LITERAL.findall(text)]


@ONE_MODE
def test_every_text_is_there_in_every_language(canvas):
    texts, languages = canvas.page.evaluate(READ, MODULE)
    used = {literal for text in sources().values() for literal in literals(text)}
    assert languages == ["en", "zh"]
    for name, words in texts.items():
        assert len(words) == len(languages), name
        assert all(word.strip() for word in words), name
        filled = [set(re.findall(r"\{(\w+)\}", word)) for word in words]
        assert all(each == filled[0] for each in filled), name
        assert re.search(r"[\u4e00-\u9fff]", words[1]) or not re.search(
            r"[A-Za-z]{3}", re.sub(r"\{\w+\}", "", words[0])
        ), name
        assert name in used, f"{name} is shown nowhere"
    asked = {name for text in sources().values() for name in re.findall(r'\bsay\("(\w+)"', text)}
    assert asked <= set(texts)


@ONE_MODE
def test_nothing_is_said_anywhere_else(canvas):
    said = [
        (name, literal)
        for name, text in sources().items()
        for literal in literals(text)
        if TWO_WORDS.search(literal) and not any(each.search(literal) for each in NO_TEXTS)
    ]
    assert not said
    assert not [(name, word) for name, text in sources().items() for word in SHOWN_WORD.findall(text)]


@pytest.fixture
def chinese(canvas):
    """The page in Chinese; afterwards in English again, for the host keeps the choice."""
    canvas.speak("zh")
    yield canvas
    canvas.speak("en")


def foreign(words):
    return {word for text in words for word in re.findall(r"[A-Za-z]{3,}", text)} - NAMES


def test_the_editors_speak_chinese(chinese):
    canvas = chinese
    canvas.page.evaluate(RECORD)
    ids = canvas.build(NODES, WIRES)
    canvas.call("reload")  # which opens the editor of a text
    for name in ("inpaint", "outpaint", "extend", "keyframes"):
        canvas.call("look", ids[name])
        canvas.page.mouse.move(*canvas.point(ids[name], 0.4, 0.5))
        canvas.frames(2)
        seen = canvas.page.evaluate(SEEN, ids[name])
        assert any(re.search(r"[\u4e00-\u9fff]", text) for text in seen)
        assert foreign(text for text in seen if "what" not in text) == set(), (name, seen)
    drawn = canvas.page.evaluate("() => window.drawnWords")
    assert any("保留" in words for words in drawn)
    assert foreign(drawn) == set()
