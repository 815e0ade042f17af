// What all editors share: a widget with a bar, a stage, a time line and a hint, that edits other widgets of its node.
// It is for the eye only: it has no value, no socket, and is in no prompt and no saved workflow.
import { say } from "../texts.mjs";
import { Clip } from "./clip.mjs";
import { button, dress, drags, element, pointerOn, sharp } from "./look.mjs";
import { Steps } from "./steps.mjs";

export const WIDGET = "wan_vace_editor";
const PROPERTY = "wan_vace_editor"; // open or closed, once somebody chose
const LOOK_MS = 150; // how often inputs and wires are looked at
const CLOSED_HEIGHT = 46;
const WIDTH = 380;
const LOW = 300; // an editor so low needs no whole screen

const seenBefore = new Map(); // frame, choice and input of each editor, for an undo makes all nodes anew
let made = 0; // Nodes 2.0 keeps the element of a widget by its type, so every widget has its own

export class Panel {
  /**
   * @param app the host
   * @param node whose widgets are edited
   * @param options {title, height, open(), editor(panel)}; the editor has draw, refresh, signature, press, hover, key
   */
  constructor(app, node, options) {
    Object.assign(this, { app, node, options, frame: 0, seen: null });
    this.steps = new Steps(app, node);
    dress();
    this.build();
    this.clip = new Clip(() => this.draw());
    this.editor = options.editor(this);
    this.addWidget();
    this.setOpen(options.open());
    if (node.graph) this.start();
  }

  /** Look after the inputs from now on: the node is in a graph. Many a node is made and thrown away without. */
  start() {
    this.timer ??= setInterval(() => this.look(), LOOK_MS);
  }

  /** After the node was loaded: open or closed as it was left, at the frame that was looked at. */
  restore() {
    const chosen = this.node.properties?.[PROPERTY];
    this.setOpen(chosen ? chosen === "open" : this.options.open(), 0);
    this.steps.rest();
    const before = seenBefore.get(this.name());
    if (!before) return;
    this.frame = before.frame;
    this.clip.seek(before.frame);
    this.editor.restore?.(before.chosen, before.name);
  }

  name = () => `${this.node.graph?.id}:${this.node.id}`;

  build() {
    this.bar = element("div", "wan-vace-bar");
    this.stage = element("canvas", "", { tabIndex: 0 });
    this.stage.setAttribute("role", "application");
    this.stage.setAttribute("aria-label", this.options.title);
    this.time = element("canvas", "", { tabIndex: 0 });
    this.time.setAttribute("role", "slider");
    this.time.setAttribute("aria-label", say("frame"));
    this.count = element("span", "frame");
    this.playButton = button("▶", say("play"), () => this.play());
    this.timeRow = element("div", "wan-vace-time", {}, this.playButton, this.time, this.count);
    this.hint = element("div", "wan-vace-hint");
    this.hint.setAttribute("aria-live", "polite");
    this.opener = button(`✎ ${this.options.title}`, this.options.title, () => this.choose(true));
    this.opener.classList.add("wide");
    this.closer = button("✕", say("close"), () => (this.large ? this.shrink() : this.choose(false)));
    this.larger = button("⤢", say("larger"), () => (this.large ? this.shrink() : this.enlarge()));
    this.inside = element("div", "wan-vace-editor", {}, this.bar, element("div", "wan-vace-stage", {}, this.stage), this.timeRow, this.hint);
    this.root = element("div", "", { tabIndex: -1 }, this.inside);
    this.root.style.cssText = "width:100%;display:flex;flex-direction:column";
    this.listen();
  }

  listen() {
    this.root.addEventListener("pointerdown", event => event.stopPropagation());
    this.root.addEventListener("wheel", event => this.passWheel(event), { passive: false });
    this.inside.addEventListener("keydown", event => this.keyDown(event));
    this.inside.addEventListener("keyup", () => this.keyed && this.commit());
    drags(this.stage, (point, event) => this.committing(this.editor.press(point, event)));
    this.stage.addEventListener("pointermove", event => !event.buttons && this.editor.hover?.(pointerOn(this.stage, event)));
    this.stage.addEventListener("pointerleave", () => this.editor.hover?.(null));
    drags(this.time, (point, event) => this.committing(this.editor.pressTime?.(point, event) ?? this.scrubbing(point)));
    this.time.addEventListener("pointermove", event => {
      this.time.title = say("frameNumber", { frame: this.frameAt(pointerOn(this.time, event)[0]) });
    });
  }

  addWidget() {
    const height = () => (this.isOpen ? this.options.height : CLOSED_HEIGHT);
    const options = { panel: this, serialize: false, socketless: true, hideOnZoom: true, getMinHeight: height, getValue: () => "", setValue() {} };
    this.widget = this.node.addDOMWidget(WIDGET, `WAN_VACE_EDITOR#${++made}`, this.root, options);
    this.widget.serialize = false;
  }

  close() {
    seenBefore.set(this.known ?? this.name(), { frame: this.frame, chosen: this.editor.chosen, name: this.editor.name });
    clearInterval(this.timer);
    this.timer = null;
    this.shrink();
    this.stop();
    this.clip.close();
    this.clip.clear();
    this.editor.close?.();
  }

  // Inputs

  value = name => this.widgetOf(name)?.value;
  widgetOf = name => this.node.widgets?.find(widget => widget.name === name);
  isWired = name => this.node.inputs?.some(input => input.name === name && input.link != null) ?? false;

  /** Change ordinary inputs, {name: value}, as if they were typed. */
  write(values) {
    for (const [name, value] of Object.entries(values)) {
      const widget = this.widgetOf(name);
      if (!widget || widget.value === value) continue;
      widget.value = value;
      widget.callback?.(value, this.app.canvas, this.node);
    }
    this.node.graph?.setDirtyCanvas?.(true, true);
    this.steps.rest();
    this.look();
  }

  /** One step of undo. */
  commit() {
    this.keyed = false;
    this.steps.keep();
  }

  committing(hold) {
    if (!hold) return null;
    return { move: hold.move, end: event => (hold.end?.(event), this.commit()) };
  }

  /** See whether something changed: a wire, a text typed by hand, an undo. */
  look() {
    if (!this.node.graph) return;
    this.known = this.name(); // the host clears the graph's id before it takes the nodes away
    if (!this.isOpen || !this.root.isConnected) return;
    this.editor.refresh();
    const zoom = this.stage.getBoundingClientRect().width;
    const now = JSON.stringify([this.editor.signature(), this.frame, this.stage.clientWidth, this.stage.clientHeight, zoom]);
    if (now === this.seen) return;
    this.seen = now;
    this.draw();
  }

  /** Draw upon a source; another one at the frame that the time line stands at, or at its last. */
  show(source) {
    const before = this.clip.key;
    this.clip.show(source);
    if (this.clip.key !== before) this.clip.seek(this.frame);
  }

  draw() {
    if (!this.isOpen || !this.stage.clientWidth || !this.editor) return;
    this.editor.draw(sharp(this.stage));
    const last = this.editor.frameCount() - 1;
    if (this.clip.isKnown) this.frame = Math.min(this.frame, Math.max(last, 0));
    this.timeRow.style.display = last > 0 ? "" : "none";
    if (last > 0) this.drawTime();
    this.count.textContent = `${this.frame} / ${last}`;
    for (const [name, value] of [["aria-valuenow", this.frame], ["aria-valuemin", 0], ["aria-valuemax", last]]) this.time.setAttribute(name, value);
  }

  /** Say something that the inputs do not show. */
  notice(detail, severity = "warn") {
    this.app.extensionManager.toast.add({ severity, summary: "Wan VACE", detail, life: 8000 });
  }

  say(text, warns = false) {
    if (this.hint.textContent === text) return;
    this.hint.textContent = this.hint.title = text;
    this.hint.classList.toggle("warn", warns);
    this.steps.rest(); // a warning may need more lines
  }

  // Time

  frameAt(x) {
    const last = this.editor.frameCount() - 1;
    return Math.min(Math.max(Math.round(((x - 10) / Math.max(this.time.clientWidth - 20, 1)) * last), 0), last);
  }

  xOf = index => 10 + ((this.time.clientWidth - 20) * index) / Math.max(this.editor.frameCount() - 1, 1);

  go(index) {
    this.frame = Math.min(Math.max(index, 0), Math.max(this.editor.frameCount() - 1, 0));
    this.clip.seek(this.frame);
    this.look();
    this.draw();
  }

  scrubbing(point) {
    this.go(this.frameAt(point[0]));
    return { move: ([x]) => this.go(this.frameAt(x)) };
  }

  drawTime() {
    const { context, width, height } = sharp(this.time);
    const count = this.editor.frameCount();
    const step = [1, 4, 10, 20, 50, 100, 200, 500].find(each => (width * each) / count > 7) ?? 1000;
    context.fillStyle = "rgba(128,128,128,.6)";
    for (let index = 0; index < count; index += step) context.fillRect(this.xOf(index) - 0.5, height - 6, 1, 4);
    this.editor.drawTime?.(context, width, height);
    const x = this.xOf(this.frame);
    context.fillStyle = "#ffffff";
    context.fillRect(x - 1, 1, 2, height - 2);
  }

  play() {
    if (this.playing) return this.stop();
    const [from, start, count] = [this.frame, performance.now(), this.editor.frameCount()];
    const step = now => {
      if (!this.node.graph || !this.root.isConnected) return this.stop();
      const index = (from + Math.floor(((now - start) / 1000) * (this.clip.fps || 16))) % count;
      if (index !== this.frame) this.go(index);
      this.playing = requestAnimationFrame(step);
    };
    this.playButton.textContent = "⏸";
    this.playing = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.playing);
    this.playing = null;
    this.playButton.textContent = "▶";
  }

  keyDown(event) {
    if (event.ctrlKey || event.metaKey) return; // undo and the host's other keys
    const inTime = event.target === this.time;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 };
    const step = inTime ? steps[event.key] : { ",": -1, ".": 1 }[event.key];
    if (event.key === "Escape" && this.large) this.shrink();
    else if (step) this.go(this.frame + step * (event.shiftKey ? 10 : 1));
    else if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(this.editor.frameCount() - 1);
    else if (event.target.tagName !== "CANVAS" || !this.editor.key?.(event)) {
      if (/^(Delete|Backspace)$/.test(event.key)) event.stopPropagation(); // else the host deletes the node
      return;
    }
    this.keyed = true;
    event.preventDefault();
    event.stopPropagation();
  }

  // Open, closed, large

  choose(open) {
    (this.node.properties ??= {})[PROPERTY] = open ? "open" : "closed";
    this.setOpen(open);
    if (open) this.editor.restore?.(this.editor.chosen);
    if (!open) this.node.setSize([this.node.size[0], this.node.computeSize()[1]]);
    this.commit();
  }

  /** A node that was loaded keeps its width, and so its place among others. */
  setOpen(open, width = WIDTH) {
    this.isOpen = open;
    for (const part of [this.stage.parentElement, this.timeRow, this.hint]) part.style.display = open ? "" : "none";
    this.bar.replaceChildren(...(open ? [...this.editor.tools(), element("span", "gap"), this.larger, this.closer] : [this.opener]));
    this.root.style.minHeight = `${(open ? this.options.height : CLOSED_HEIGHT) - 20}px`;
    this.seen = null;
    const { node } = this;
    if (open) node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], node.computeSize()[1])]);
    node.graph?.setDirtyCanvas?.(true, true);
    requestAnimationFrame(() => this.look());
  }

  enlarge() {
    this.large = element("div", `wan-vace-large${this.options.height < LOW ? " low" : ""}`, {}, this.inside);
    this.large.addEventListener("pointerdown", event => event.target === this.large && this.shrink());
    document.body.append(this.large);
    this.stage.focus();
    requestAnimationFrame(() => this.draw());
  }

  shrink() {
    if (!this.large) return;
    this.root.append(this.inside);
    this.large.remove();
    this.large = null;
    requestAnimationFrame(() => this.draw());
  }

  /** Zoom the graph as everywhere else; Nodes 2.0 does so by itself. */
  passWheel(event) {
    if (this.large || globalThis.LiteGraph?.vueNodesMode) return;
    event.preventDefault();
    this.app.canvas?.processMouseWheel?.(event);
  }
}
