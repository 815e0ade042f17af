// The text of a strength curve, read and written. The grammar is that of vace_core/strength/curves.py.

const NUMBER = "[-+]?(?:\\d+\\.?\\d*|\\.\\d+)";
const ONE = new RegExp(`^${NUMBER}$`);
const POINT = new RegExp(`^(${NUMBER})(%?):(${NUMBER})$`);
export const MOST = 1000;

/** Points [place, value] with places from 0 to 1, or null if the text is no curve. */
export function readCurve(text) {
  const words = String(text).split(/[,;\s]+/).filter(Boolean);
  if (!words.length) return [[0, 1]];
  const points = words.every(word => ONE.test(word))
    ? words.map((word, k) => [k / Math.max(words.length - 1, 1), Number(word)])
    : words.map(pointOf);
  const rises = points.every((point, i) => !point || !i || !points[i - 1] || point[0] >= points[i - 1][0]);
  const legal = point => point && point[0] >= 0 && point[0] <= 1 && point[1] >= 0 && point[1] <= MOST;
  return rises && points.every(legal) ? points : null;
}

function pointOf(word) {
  const match = POINT.exec(word);
  return match && [Number(match[1]) / (match[2] ? 100 : 1), Number(match[3])];
}

/** The value of a single point, else places in per cent. Points of one value stay, for they may be on their way. */
export function writeCurve(points) {
  if (points.length === 1) return plain(points[0][1]);
  return points.map(([place, each]) => `${plain(place * 100)}%:${plain(each)}`).join(", ");
}

const plain = number => String(Math.round(number * 10000) / 10000);

/** The value at a place: linear between points, constant outside of them; at a jump the later one. */
export function valueAt(points, place) {
  const after = points.findIndex(point => point[0] > place);
  if (after <= 0) return points.at(after < 0 ? -1 : 0)[1];
  const [[x0, y0], [x1, y1]] = points.slice(after - 1, after + 1);
  return y0 + ((y1 - y0) * (place - x0)) / (x1 - x0);
}
