// Small pictures of frames of several clips, made one after the other.
import { Clip } from "./clip.mjs";

const HEIGHT = 160;
const MOST = 400; // pictures kept

export class Thumbs {
  constructor(changed) {
    Object.assign(this, { changed, clips: new Map(), pictures: new Map(), wanted: new Map() });
  }

  close() {
    for (const clip of this.clips.values()) clip.close();
    this.clips.clear();
  }

  /** The clip of a source, which may still be loading; null without a source. */
  clip(source) {
    if (!source) return null;
    const key = source.url ?? source.urls.join();
    if (!this.clips.has(key)) {
      const clip = new Clip(() => this.arrived(key));
      this.clips.set(key, clip);
      clip.show(source);
    }
    return this.clips.get(key);
  }

  /** A canvas with a frame, or null until there is one; `changed` is called when it comes. */
  get(source, frame) {
    const clip = this.clip(source);
    if (clip?.state !== "ready") return null;
    const key = `${clip.key}:${frame}`;
    if (!this.pictures.has(key)) {
      const waiting = this.wanted.get(clip.key) ?? new Set();
      waiting.add(Math.min(Math.max(frame, 0), clip.count - 1));
      this.wanted.set(clip.key, waiting);
      this.next(clip);
    }
    return this.pictures.get(key) ?? null;
  }

  arrived(key) {
    const clip = this.clips.get(key);
    if (clip?.state === "ready" && !clip.seeking) this.take(clip);
    this.changed();
  }

  take(clip) {
    const key = `${clip.key}:${clip.shown}`;
    if (!this.pictures.has(key)) this.pictures.set(key, clip.picture && small(clip));
    if (this.pictures.size > MOST) this.pictures.delete(this.pictures.keys().next().value);
    this.wanted.get(clip.key)?.delete(clip.shown);
    this.next(clip);
  }

  next(clip) {
    const [frame] = this.wanted.get(clip.key) ?? [];
    if (frame === undefined || clip.seeking) return;
    if (frame === clip.shown) return void queueMicrotask(() => clip.state === "ready" && !clip.seeking && this.take(clip));
    clip.seek(frame);
  }
}

function small({ picture, width, height }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.max(1, Math.round((HEIGHT * width) / height)), HEIGHT];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}
