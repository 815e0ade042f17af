"""What is drawn upon when the source changes: the new one, at the frame that was looked at."""

import pytest

MODULE = "/extensions/wan-vace/js/editors/clip.mjs"
STILL = {"kind": "image", "url": "/view?filename=boy_and_dog.webp&type=input"}
VIDEO = {"kind": "video", "url": "/view?filename=boy_and_dog.mp4&type=input"}
SEEN = """async ([module, sources, frame]) => {
  const {Clip} = await import(module);
  const clip = new Clip(() => {});
  const until = async done => {
    for (let turn = 0; turn < 400 && !done(); turn++) await new Promise(resolve => setTimeout(resolve, 25));
  };
  for (const source of sources) {
    clip.show(source);
    clip.seek(frame);
    await until(() => clip.state === "ready" && clip.picture && !clip.seeking);
  }
  const at = clip.video ? Math.floor(clip.video.currentTime * clip.fps) : clip.shown;
  const seen = [clip.state, clip.picture.tagName, clip.count, at];
  clip.close();
  return seen;
}"""


def seen(canvas, *sources, frame=0):
    return canvas.page.evaluate(SEEN, [MODULE, list(sources), frame])


def test_a_video_after_a_picture_is_the_video(canvas):
    assert seen(canvas, STILL, VIDEO, frame=9) == ["ready", "VIDEO", 33, 9]


def test_a_picture_after_a_video_is_the_picture(canvas):
    assert seen(canvas, VIDEO, STILL) == ["ready", "IMG", 1, 0]


ONE_MODE = pytest.mark.parametrize("mode", ["classic"], indirect=True)
SHADES = """count => Array.from({length: count}, (_, k) => {
  const one = Object.assign(document.createElement("canvas"), {width: 16, height: 16});
  const context = one.getContext("2d");
  context.fillStyle = `rgb(${k},${255 - k},128)`;
  context.fillRect(0, 0, 16, 16);
  return one.toDataURL();
})"""
TAKEN = """async ([module, urls]) => {
  const {Thumbs} = await import(module);
  const thumbs = new Thumbs(() => {}), source = {kind: "stills", urls}, taken = {};
  const shade = one => one.getContext("2d").getImageData(8, 8, 1, 1).data[0];
  for (let turn = 0; turn < 400 && Object.keys(taken).length < urls.length; turn++) {
    for (let frame = urls.length - 1; frame >= 0; frame--) {
      const one = thumbs.get(source, frame);
      if (one && !(frame in taken)) taken[frame] = shade(one);
    }
    thumbs.arrived(urls.join());  // as any other picture on the strip does
    await new Promise(resolve => setTimeout(resolve, turn % 3));
  }
  return taken;
}"""
KEPT = """async ([module, urls]) => {
  const {Clip} = await import(module);
  const clip = new Clip(() => {});
  clip.show({kind: "stills", urls});
  const wait = () => new Promise(resolve => setTimeout(resolve, 1));
  const at = async frame => {
    clip.seek(frame);
    const there = () => clip.state === "ready" && !clip.seeking && clip.shown === frame;
    for (let turn = 0; turn < 500 && !there(); turn++) await wait();
    return clip.picture?.src === urls[frame];
  };
  const right = [];
  for (const frame of [0, ...urls.keys(), 3, urls.length - 1, 0]) right.push(await at(frame));
  return [right.every(Boolean), clip.cache.size];
}"""


@ONE_MODE
def test_no_frame_is_taken_for_its_neighbour(canvas):
    module = MODULE.replace("clip", "thumbs")
    urls = canvas.page.evaluate(SHADES, 30)
    assert canvas.page.evaluate(TAKEN, [module, urls]) == {str(k): k for k in range(30)}


@ONE_MODE
def test_of_many_pictures_only_the_last_are_kept(canvas):
    urls = canvas.page.evaluate(SHADES, 120)
    assert canvas.page.evaluate(KEPT, [MODULE, urls]) == [True, 40]


@ONE_MODE
def test_a_picture_that_is_gone_is_not_another(canvas):
    urls = canvas.page.evaluate(SHADES, 3)
    urls[1] = "/view?filename=gone.png&type=temp"
    taken = canvas.page.evaluate(TAKEN, [MODULE.replace("clip", "thumbs"), urls])
    assert taken == {"0": 0, "2": 2}


CLOSED = """async ([module, url, lasts]) => {
  const {Clip} = await import(module), image = new Image();
  let calls = 0;
  const clip = new Clip(() => calls++);
  clip.show({kind: "still", url});
  if (!lasts) clip.close();
  const before = calls;
  image.src = url;
  await image.decode();
  for (let turn = 0; turn < 5; turn++) await new Promise(requestAnimationFrame);
  clip.close();
  return [calls - before, clip.isKnown];
}"""


@ONE_MODE
def test_a_loading_ends_with_its_clip(canvas):
    """A video that is closed meanwhile has no size any more, and the next editor of the same file would be told so."""
    (url,) = canvas.page.evaluate(SHADES, 1)
    assert canvas.page.evaluate(CLOSED, [MODULE, url, False]) == [0, False]
    assert canvas.page.evaluate(CLOSED, [MODULE, url, True]) == [1, True]
