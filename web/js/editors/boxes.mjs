// Boxes and their paths, drawn over a frame of the clip. What is edited is a text: see boxes_text.mjs.
import { say } from "../texts.mjs";
import * as text from "./boxes_text.mjs";
import { COLOUR, drawBoxes, drawKeys } from "./boxes_picture.mjs";
import { BoxHand } from "./boxes_hand.mjs";
import { button } from "./look.mjs";
import { partWith, viewOf } from "./view.mjs";

export class BoxEditor {
  /**
   * @param panel see panel.mjs
   * @param spec {text, source(), size(clip), frames(clip), easing, stopsShort(), look: "mask" or "layout", offset}
   */
  constructor(panel, spec) {
    Object.assign(this, { panel, spec, chosen: -1, lines: [], percent: true, pointer: null });
    this.hand = new BoxHand(this);
    this.restore(0);
  }

  // What there is

  refresh() {
    const { panel, spec } = this;
    panel.show(spec.source());
    this.frameInfo = this.readFrame();
    this.lines = text.parse(String(panel.value(spec.text) ?? ""), this.frameInfo);
    if (!this.lines[this.chosen]?.keys) this.chosen = -1;
    if (!this.held && this.objects().length === 1) this.chosen = this.objects()[0].index;
    if (!this.held) this.part = partWith(this.frameInfo, this.allBoxes());
    this.updateTools();
    this.updateHint();
  }

  readFrame() {
    const { panel, spec } = this;
    const size = spec.size(panel.clip);
    const frames = spec.frames(panel.clip);
    return { ...size, ...frames, easing: panel.value(spec.easing) ?? "linear", stopsShort: spec.stopsShort?.() ?? false };
  }

  signature = () => [this.panel.value(this.spec.text), this.frameInfo, this.chosen, this.panel.clip.state, this.isLocked()];
  frameCount = () => this.frameInfo.count;
  isLocked = () => this.panel.isWired(this.spec.text);
  objects = () => this.lines.map((line, index) => ({ line, index })).filter(({ line }) => line.keys);
  allBoxes = () => this.objects().flatMap(({ line }) => line.keys.map(key => text.pixels(key, this.frameInfo)));

  /** A key's own box in its frame, else where the path is. */
  boxNow(line) {
    const key = line.keys[this.keyNow(line)];
    return key ? text.pixels(key, this.frameInfo) : text.boxAt(line, this.panel.frame, this.frameInfo);
  }

  keyNow = line => text.keyAt(line, this.panel.frame, this.frameInfo.count);
  line = () => this.lines[this.chosen] ?? null;
  view = (width, height) => (this.lastView = viewOf(this.part, width, height));

  // Changes

  /** Change the lines and write them. `from` is the text to begin with, for a drag that goes on. */
  edit(change, from = this.panel.value(this.spec.text)) {
    if (this.isLocked()) return;
    const lines = text.parse(String(from ?? ""), this.frameInfo);
    change(lines);
    this.panel.write({ [this.spec.text]: text.print(lines) });
  }

  /** Change the box of the chosen object in this frame. A path gets a key here; what stands still moves as a whole. */
  editBox(change, from) {
    this.edit(lines => {
      const line = lines[this.chosen];
      let key = line.keys.length === 1 ? 0 : text.keyAt(line, this.panel.frame, this.frameInfo.count);
      if (key < 0) key = text.addKey(line, this.panel.frame, this.frameInfo);
      change(line.keys[key]);
    }, from);
  }

  add(box) {
    this.edit(lines => {
      text.addObject(lines, text.newKey(box, this.percent, this.frameInfo));
      this.chosen = lines.length - 1;
    });
    this.refresh();
  }

  addInTheMiddle() {
    const { width, height } = this.frameInfo;
    const shift = (this.objects().length % 5) * 0.05;
    this.add([0.3 + shift, 0.3 + shift, 0.6 + shift, 0.7 + shift].map((part, axis) => part * (axis % 2 ? height : width)));
    this.panel.commit();
  }

  remove() {
    if (!this.line()) return;
    this.edit(lines => text.removeObject(lines, this.chosen));
    this.chosen = this.objects()[0]?.index ?? -1;
    this.panel.commit();
  }

  /** Put a key into this frame, or take it out. The first of a box that stands still begins its path. */
  toggleKey() {
    const line = this.line();
    if (!line || this.frameInfo.count < 2) return;
    const at = this.keyNow(line);
    if (at >= 0 && line.keys.length === 1) this.panel.go(this.panel.frame ? 0 : this.frameInfo.count - 1);
    if (at >= 0 && line.keys.length > 1) this.edit(lines => text.removeKey(lines[this.chosen], at, this.frameInfo));
    else this.edit(lines => text.addKey(lines[this.chosen], this.panel.frame, this.frameInfo));
    this.panel.commit();
  }

  toggleCurve() {
    if (!this.line() || this.line().keys.length < 3) return;
    this.edit(lines => text.toggleCurve(lines[this.chosen]));
    this.panel.commit();
  }

  choose(index) {
    this.chosen = index;
    this.panel.look();
  }

  restore(chosen) {
    this.refresh();
    this.chosen = this.lines[chosen]?.keys ? chosen : this.objects()[0]?.index ?? -1;
  }

  // Bar and hint

  tools() {
    this.addButton = button(say("addBox"), say("addBoxTip"), () => this.addInTheMiddle());
    this.keyButton = button(say("key"), say("keyTip"), () => this.toggleKey());
    this.curveButton = button(say("curve"), say("curveTip"), () => this.toggleCurve());
    this.removeButton = button(say("removeBox"), say("removeBoxTip"), () => this.remove());
    this.unitButton = button("%", say("unitTip"), () => {
      this.percent = !this.percent;
      this.updateTools();
    });
    this.sizeButton = button(say("takeSize"), say("takeSizeTip"), () => {
      this.panel.write(this.spec.clipSize(this.panel.clip));
      this.panel.commit();
    });
    this.updateTools();
    return [this.addButton, this.keyButton, this.curveButton, this.removeButton, this.unitButton, this.sizeButton];
  }

  updateTools() {
    if (!this.addButton) return;
    const locked = this.isLocked(), line = this.line();
    this.addButton.disabled = locked;
    this.removeButton.disabled = locked || !line;
    this.keyButton.disabled = locked || !line || this.frameInfo.count < 2;
    this.keyButton.setAttribute("aria-pressed", String(Boolean(line && line.keys.length > 1 && this.keyNow(line) >= 0)));
    this.curveButton.disabled = locked || !line || line.keys.length < 3;
    this.curveButton.setAttribute("aria-pressed", String(Boolean(line?.curved)));
    this.unitButton.textContent = this.percent ? "%" : "px";
    this.sizeButton.style.display = this.differs() ? "" : "none";
  }

  differs() {
    const { clip } = this.panel;
    if (!this.spec.clipSize || !clip.isKnown) return false;
    return Object.entries(this.spec.clipSize(clip)).some(([name, value]) => !this.panel.isWired(name) && this.panel.value(name) !== value);
  }

  updateHint() {
    const [sentence, warns] = this.sentence();
    this.panel.say(sentence, warns);
  }

  sentence() {
    const { panel } = this, unread = this.lines.find(line => line.error);
    if (this.isLocked()) return [say("boxesWired"), true];
    if (unread) return [say("boxesUnread", { text: unread.raw.trim().slice(0, 60), why: unread.error }), true];
    if (panel.clip.state === "failed") return [say("clipFailed"), true];
    if (!this.objects().length) return [say("drawABox"), false];
    if (!this.line()) return [say("chooseABox"), false];
    return [this.described(), false];
  }

  described() {
    const line = this.line(), { width, height } = this.frameInfo;
    const box = this.boxNow(line);
    const outside = box[2] <= 0 || box[3] <= 0 || box[0] >= width || box[1] >= height;
    const name = line.label.replace(COLOUR, "").trim() || say("box", { number: this.objects().findIndex(({ index }) => index === this.chosen) + 1 });
    const place = say("place", { name, box: box.map(side => Math.round(side)).join(","), outside: outside ? say("outside") : "" });
    if (this.frameInfo.count < 2) return place;
    if (line.keys.length === 1) return say("standsStill", { place });
    return say(this.keyNow(line) >= 0 ? "isKey" : "noKey", { place });
  }

  // What the panel asks

  press = (point, event) => this.hand.press(point, event);
  pressTime = (point, event) => this.hand.pressTime(point, event);
  hover = point => this.hand.hover(point);
  key = event => this.hand.key(event);

  draw(canvas) {
    drawBoxes(this, canvas);
  }

  drawTime(context, width, height) {
    drawKeys(this, context, height);
  }
}
