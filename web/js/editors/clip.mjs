// Frames to draw upon: a video file that is sought, a picture, or the pictures of the last run.

const DEFAULT_FPS = 16;
const TRIED_SECONDS = [0.003, 0.009, 0.0175, 0.021, 0.026, 0.034, 0.042, 0.0505, 0.0675, 0.084, 0.101, 0.13, 0.17, 0.21, 0.26];

const MOST_STILLS = 40; // pictures kept; the last that were looked at

const known = new Map(); // size and count of what was loaded before, so that an undo, which makes all anew, shows no guess

export class Clip {
  /** @param changed called when there is something new to draw */
  constructor(changed) {
    this.changed = changed;
    this.clear();
  }

  clear() {
    this.key = "";
    this.turn = null; // of the loading: the same source may come again while its first loading still waits
    this.state = "none"; // none, loading, ready, failed
    this.picture = null;
    this.video = this.urls = this.cache = null;
    this.seeking = false;
    this.width = this.height = this.count = 0;
    this.wanted = this.shown = 0;
  }

  /** Whether size and count are known. */
  get isKnown() {
    return this.count > 0 && this.width > 0 && this.state !== "failed";
  }

  /** Show another source, of source.mjs; null for none. The same one again does nothing. */
  show(source) {
    const key = source ? source.url ?? source.urls.join() : "";
    if (key === this.key) return;
    this.close();
    this.clear();
    this.key = key;
    if (!source) return this.changed();
    this.state = "loading";
    this.fps = DEFAULT_FPS;
    Object.assign(this, known.get(key));
    const turn = (this.turn = {});
    const load = source.kind === "video" ? this.loadVideo(source.url, turn) : this.loadStills(source.urls ?? [source.url], turn);
    load.catch(() => this.turn === turn && ((this.state = "failed"), this.changed()));
    this.changed();
  }

  /** Also ends a loading that still waits: of a closed video it would take, and remember, a size of nothing. */
  close() {
    this.turn = null;
    if (this.video) this.video.removeAttribute("src");
    this.video?.load();
    this.video = null;
  }

  async loadStills(urls, turn) {
    const first = await picture(urls[0]);
    if (this.turn !== turn) return;
    this.urls = urls;
    this.cache = new Map([[0, first]]);
    this.picture = first;
    this.ready(first.naturalWidth, first.naturalHeight, urls.length);
    this.seek(this.wanted);
  }

  async loadVideo(url, turn) {
    const video = Object.assign(document.createElement("video"), { muted: true, preload: "auto", playsInline: true });
    video.src = url;
    this.video = video;
    await once(video, "loadeddata");
    const fps = await frameRate(video);
    if (this.turn !== turn) return;
    this.fps = fps;
    this.seeking = true; // it stands where its rate was looked for
    this.ready(video.videoWidth, video.videoHeight, Math.max(1, Math.round(video.duration * fps)) || 1);
    this.picture = video;
    this.seeking = false;
    this.seek(this.wanted, true);
  }

  ready(width, height, count) {
    Object.assign(this, { state: "ready", width, height, count });
    known.set(this.key, { width, height, count, fps: this.fps });
    this.changed();
  }

  /** Go to a frame; while one is being sought the last one that was asked for comes next. */
  seek(index, again = false) {
    this.wanted = index;
    if (this.state !== "ready") return;
    const at = Math.min(Math.max(index, 0), this.count - 1);
    if (this.seeking || (at === this.shown && !again)) return;
    if (this.urls) return this.seekStill(at);
    if (!this.video) return;
    this.seeking = true;
    this.shown = at;
    const video = this.video;
    once(video, "seeked").catch(() => {}).then(() => {
      if (video !== this.video) return;
      this.seeking = false;
      this.changed();
      this.seek(this.wanted);
    });
    video.currentTime = (at + 0.5) / this.fps;
  }

  /** `shown` and `picture` change together, so that no frame is taken for its neighbour; one that is gone has none. */
  async seekStill(at) {
    const { cache, urls } = this;
    this.seeking = true;
    const found = cache.get(at) ?? (await picture(urls[at]).catch(() => null));
    if (cache !== this.cache) return; // another source meanwhile
    cache.delete(at);
    cache.set(at, found);
    if (cache.size > MOST_STILLS) cache.delete(cache.keys().next().value);
    Object.assign(this, { seeking: false, shown: at, picture: found });
    this.changed();
    this.seek(this.wanted);
  }
}

function picture(url) {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image);
}

const SECONDS = 10;
const once = (target, name) =>
  new Promise((resolve, reject) => {
    target.addEventListener(name, resolve, { once: true });
    target.addEventListener("error", reject, { once: true });
    setTimeout(reject, SECONDS * 1000, new Error(`no ${name}`));
  });

/** Frames per second, by looking for where the second frame begins: no page is told the rate of a video. */
async function frameRate(video) {
  if (!video.requestVideoFrameCallback || !(video.duration > TRIED_SECONDS[0])) return DEFAULT_FPS;
  const first = await timeShown(video, 0);
  for (const seconds of TRIED_SECONDS) {
    if (seconds >= video.duration) break;
    const time = await timeShown(video, seconds);
    if (time > first) return refined(1 / (time - first));
  }
  return video.duration < 1 ? 1 / video.duration : DEFAULT_FPS; // a single frame that is held
}

/** Whole rates come out whole, for some containers round times to milliseconds; those of television stay exact. */
function refined(rate) {
  const television = Math.round(rate * 1.001) / 1.001;
  if (Math.abs(television - rate) < 0.003) return television;
  const whole = Math.round(rate);
  return Math.abs(whole - rate) < rate * 0.02 ? whole : rate;
}

function timeShown(video, seconds) {
  return new Promise(resolve => {
    const late = setTimeout(resolve, 1500, 0);
    video.requestVideoFrameCallback((_, data) => {
      clearTimeout(late);
      resolve(data.mediaTime);
    });
    video.currentTime = seconds + 1e-4;
  });
}
