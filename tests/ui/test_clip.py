"""What is drawn upon when the source changes: the new one, at the frame that was looked at."""

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
