// Numbers as the page writes them.

const DASH = "–";

// A cell is a number, [value, low, high, sd], a text that says why there is none, or null.
const valueOf = (cell) =>
  Array.isArray(cell) ? cell[0] : typeof cell === "number" ? cell : null;

function shown(value, places = 3) {
  if (value === null || value === undefined) return DASH;
  const rounded = value.toFixed(places);
  return Number(rounded) === 0 ? rounded.replace("-", "") : rounded.replace("-", "−");
}

function count(value) {
  if (value === null || value === undefined) return DASH;
  value = Number(value.toPrecision(3)); // first, or 999,700 would be 1000k
  for (const [unit, size] of [["E", 1e18], ["P", 1e15], ["T", 1e12], ["B", 1e9], ["M", 1e6], ["k", 1e3]])
    if (value >= size) return `${Number((value / size).toPrecision(3))}${unit}`;
  return String(value);
}

const interval = (cell, places) =>
  Array.isArray(cell) ? `[${shown(cell[1], places)}, ${shown(cell[2], places)}]` : "";
