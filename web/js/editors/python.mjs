// Numbers as Python counts them.

/** To the nearest whole number, of two the even one. */
export function round(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

/** What remains, never negative. */
export const modulo = (value, by) => ((value % by) + by) % by;
