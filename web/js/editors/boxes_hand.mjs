// The hand on a box editor: mouse and keyboard.
import * as text from "./boxes_text.mjs";
import { HANDLES, handleCursor, handlePoints, nearest } from "./view.mjs";

const REACH = 9; // pixels of the stage
const LEAST_DRAG = 4;

export class BoxHand {
  constructor(editor) {
    this.editor = editor;
  }

  boxesOnStage = () =>
    this.editor.objects().map(({ line, index }) => {
      const [x, y, width, height] = this.editor.lastView.box(this.editor.boxNow(line));
      return { index, box: [x, y, x + width, y + height] };
    });

  handleAt(point) {
    const chosen = this.boxesOnStage().find(({ index }) => index === this.editor.chosen);
    return chosen ? nearest(handlePoints(chosen.box), point, REACH) : -1;
  }

  boxUnder([x, y]) {
    const inside = ({ box: [l, t, r, b] }) => x >= l - 3 && x <= r + 3 && y >= t - 3 && y <= b + 3;
    const area = ({ box: [l, t, r, b] }) => (r - l) * (b - t);
    const under = this.boxesOnStage().filter(inside);
    const same = under.find(({ index }) => index === this.editor.chosen);
    return (same ?? under.sort((a, b) => area(a) - area(b))[0])?.index ?? -1;
  }

  press(point, event) {
    if (this.editor.isLocked() || !this.editor.lastView) return null;
    const handle = event.altKey ? -1 : this.handleAt(point);
    if (handle >= 0) return this.resizing(handle);
    const under = this.boxUnder(point);
    if (under < 0) return this.drawing(point);
    this.editor.choose(under);
    return this.moving(point);
  }

  /** While a drag goes on the view stands still, and every step begins with the text of its start. */
  holding(move, end) {
    const from = this.editor.panel.value(this.editor.spec.text);
    this.editor.held = true;
    return {
      move: point => move(this.editor.lastView.toFrame(point), from, point),
      end: () => {
        this.editor.held = false;
        end?.();
        this.editor.panel.seen = null;
        this.editor.panel.look();
      },
    };
  }

  moving(point) {
    const [x0, y0] = this.editor.lastView.toFrame(point);
    return this.holding(([x, y], from, at) => {
      if (!this.moved && Math.hypot(at[0] - point[0], at[1] - point[1]) < 2) return;
      this.moved = true;
      this.editor.editBox(key => text.moveKey(key, x - x0, y - y0, this.editor.frameInfo), from);
    }, () => (this.moved = false));
  }

  /** From a handle of the chosen box. */
  resizing(handle) {
    const sides = HANDLES[handle];
    return this.holding(([x, y], from) => {
      const moved = {};
      if (sides[0] !== null) moved[sides[0]] = x;
      if (sides[1] !== null) moved[sides[1]] = y;
      this.editor.editBox(key => text.resizeKey(key, moved, this.editor.frameInfo), from);
    });
  }

  drawing(point) {
    const start = this.editor.lastView.toFrame(point);
    const before = this.editor.chosen;
    this.editor.chosen = -1;
    return this.holding(([x, y], _, at) => {
      const far = Math.min(Math.abs(at[0] - point[0]), Math.abs(at[1] - point[1])) >= LEAST_DRAG;
      this.editor.draft = far ? [Math.min(x, start[0]), Math.min(y, start[1]), Math.max(x, start[0]), Math.max(y, start[1])] : null;
      this.editor.pointer = at;
      this.editor.panel.draw();
    }, () => {
      if (this.editor.draft) this.editor.add(this.editor.draft);
      else if (before < 0) this.editor.chosen = -1;
      this.editor.draft = null;
    });
  }

  hover(point) {
    this.editor.pointer = point;
    if (point && this.editor.lastView) {
      const handle = this.handleAt(point);
      this.editor.panel.stage.style.cursor = handle >= 0 ? handleCursor(handle) : this.boxUnder(point) >= 0 ? "move" : "crosshair";
    }
    this.editor.panel.draw();
  }

  pressTime(point, event) {
    const line = this.editor.line();
    if (!line || line.keys.length < 2) return null;
    const frames = text.keyFrames(line, this.editor.frameInfo.count);
    const key = nearest(frames.map(frame => [this.editor.panel.xOf(frame), point[1]]), point, 6);
    if (key < 0) return null;
    this.editor.panel.go(frames[key]);
    if (event.altKey && !this.editor.isLocked()) {
      this.editor.edit(lines => text.removeKey(lines[this.editor.chosen], key, this.editor.frameInfo));
      return { move: null };
    }
    return this.retiming(key, frames[key]);
  }

  retiming(key, start) {
    const from = this.editor.panel.value(this.editor.spec.text);
    let moved = false;
    return {
      move: ([x]) => {
        const frame = this.editor.panel.frameAt(x);
        if (!moved && frame === start) return;
        moved = true;
        this.editor.edit(lines => text.retimeKey(lines[this.editor.chosen], key, frame, this.editor.frameInfo), from);
        this.editor.panel.go(text.keyFrames(this.editor.line(), this.editor.frameInfo.count)[key]);
      },
    };
  }

  // Keyboard

  key(event) {
    if (event.key === "Tab") return this.nextObject(event);
    if (this.editor.isLocked() || !this.editor.line()) return false;
    const by = event.shiftKey ? 10 : 1;
    const [dx, dy] = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key] ?? [];
    if (dx !== undefined) this.editor.editBox(key => this.step(key, dx, dy, event.altKey));
    else if (event.key === "Delete" || event.key === "Backspace") this.editor.remove();
    else if (event.key.toLowerCase() === "k") this.editor.toggleKey();
    else if (event.key.toLowerCase() === "c") this.editor.toggleCurve();
    else return false;
    return true;
  }

  step(key, dx, dy, resizes) {
    const { width, height } = this.editor.frameInfo;
    const least = (amount, axis) => (key.sides[axis].percent && amount ? Math.sign(amount) * Math.max(Math.abs(amount), [width, height][axis] / 1000) : amount);
    const [x, y] = [least(dx, 0), least(dy, 1)];
    if (!resizes) return text.moveKey(key, x, y, this.editor.frameInfo);
    const box = text.pixels(key, this.editor.frameInfo);
    return text.resizeKey(key, { ...(x && { 2: box[2] + x }), ...(y && { 3: box[3] + y }) }, this.editor.frameInfo);
  }

  /** From one object to the next; past the last the focus goes on as everywhere. */
  nextObject(event) {
    const all = this.editor.objects().map(({ index }) => index);
    const next = all.indexOf(this.editor.chosen) + (event.shiftKey ? -1 : 1);
    if (!all.length || next < 0 || next >= all.length) return false;
    this.editor.choose(all[next]);
    return true;
  }
}
