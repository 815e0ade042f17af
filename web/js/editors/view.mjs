// Between pixels of the frame and pixels of the stage.

const MARGIN = 10;

/** A view of a part of the plane, [left, top, right, bottom] in pixels of the frame, as large as it fits. */
export function viewOf(part, width, height) {
  const [left, top, right, bottom] = part;
  const scale = Math.max(1e-6, Math.min((width - 2 * MARGIN) / (right - left), (height - 2 * MARGIN) / (bottom - top)));
  const x0 = (width - (right - left) * scale) / 2 - left * scale;
  const y0 = (height - (bottom - top) * scale) / 2 - top * scale;
  return {
    scale,
    toStage: ([x, y]) => [x0 + x * scale, y0 + y * scale],
    toFrame: ([x, y]) => [(x - x0) / scale, (y - y0) / scale],
    box: ([l, t, r, b]) => [x0 + l * scale, y0 + t * scale, (r - l) * scale, (b - t) * scale],
  };
}

/** The frame and whatever reaches out of it, up to a frame's size on each side. */
export function partWith(frame, boxes) {
  const { width, height } = frame;
  const far = [-width, -height, 2 * width, 2 * height];
  const part = [0, 0, width, height];
  for (const box of boxes)
    for (const axis of [0, 1, 2, 3]) {
      const side = (axis < 2 ? Math.min : Math.max)(part[axis], box[axis]);
      part[axis] = (axis < 2 ? Math.max : Math.min)(side, far[axis]);
    }
  return part;
}

/** Draw a picture over a box as the host's "cover" does: whole width or height, the rest cut off. */
export function drawCovering(context, picture, size, [x, y, width, height]) {
  const scale = Math.max(width / size[0], height / size[1]);
  const cut = [width / scale, height / scale];
  context.drawImage(picture, (size[0] - cut[0]) / 2, (size[1] - cut[1]) / 2, ...cut, x, y, width, height);
}

export const HANDLES = [
  [0, 1], [null, 1], [2, 1], [2, null], [2, 3], [null, 3], [0, 3], [0, null], // which sides each moves: x, y
];

const CURSORS = ["nwse-resize", "ns-resize", "nesw-resize", "ew-resize", "nwse-resize", "ns-resize", "nesw-resize", "ew-resize"];

export const handlePoints = ([l, t, r, b]) =>
  HANDLES.map(([x, y]) => [x === null ? (l + r) / 2 : [l, , r][x], y === null ? (t + b) / 2 : [, t, , b][y]]);

export const handleCursor = index => CURSORS[index];

/** Index of the point within reach, or -1. */
export function nearest(points, [x, y], reach) {
  const far = points.map(([px, py]) => Math.hypot(px - x, py - y));
  const best = far.indexOf(Math.min(...far));
  return best >= 0 && far[best] <= reach ? best : -1;
}
