// Score against cost: points with intervals, the Pareto front, and a tooltip for mouse and keyboard.

const MARGIN = { top: 14, right: 18, bottom: 44, left: 54 };
const MOST_FAMILIES = 7; // colours that can be told apart; the rest share one
const MOST_INTERVALS = 60;
const SHAPES = ["M-4,-4h8v8h-8z", "M0,-5.5 5.5,4 -5.5,4z", "M0,-5.5 5.5,0 0,5.5 -5.5,0z", "M0,5.5 5.5,-4 -5.5,-4z"];
const CIRCLE = "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z";

function drawChart(board, rows) {
  const place = byId("chart");
  const cost = SIZES.find((size) => size.key === view.x);
  const column = columnsOf(board).find((each) => each.score && each.id === view.y);
  const index = SIZES.indexOf(cost);
  const found = rows
    .map((row) => ({ row, x: row.sizes[index], cell: column ? column.cell(row) : null }))
    .map((point) => ({ ...point, y: valueOf(point.cell) }))
    .filter((point) => point.x > 0 && point.y !== null);
  const points = inOrder(found, Boolean(column?.low));
  const left = rows.length - points.length;
  byId("chart-note").textContent = [
    points.length > MOST_INTERVALS ? `Intervals are drawn for ${MOST_INTERVALS} points at most.` : "",
    left ? `${left} of ${rows.length} ${rows.length === 1 ? "result is" : "results are"} not drawn: no ${cost.name}, or no score.` : "",
  ].join(" ").trim();
  if (!points.length) {
    place.replaceChildren(element("p", { class: "empty" }, "There is nothing to draw."));
    return;
  }
  const families = familiesOf(board);
  const front = paretoFront(points, Boolean(column.low));
  const tip = element("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  const picture = drawPicture(place.clientWidth, points, front, { cost, column, families, tip });
  place.replaceChildren(picture, tip, legend(families, points));
}

// Architectures by how many results they have: the first ones get a colour and a shape of their own.
function familiesOf(board) {
  const counts = new Map();
  for (const row of board.rows) counts.set(row.family, (counts.get(row.family) || 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return new Map(sorted.map(([name], i) => [name, Math.min(i, MOST_FAMILIES)]));
}

const shapeOf = (number) => (number === 0 ? CIRCLE : SHAPES[(number - 1) % SHAPES.length]);

// By cost, the best first.
const inOrder = (points, low) => points.sort((a, b) => a.x - b.x || (low ? a.y - b.y : b.y - a.y));

// Verified points that no cheaper or equally cheap one matches; points come in their order.
function paretoFront(points, low) {
  const found = [];
  for (const point of points.filter((each) => each.row.verified)) {
    const last = found.at(-1);
    if (!last || (low ? point.y < last.y : point.y > last.y)) found.push(point);
  }
  return found;
}

function drawPicture(width, points, front, about) {
  const height = width < 500 ? 300 : 400;
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  const spread = points.length <= MOST_INTERVALS;
  const ends = points.flatMap(({ cell }) => (spread && Array.isArray(cell) ? [cell[1], cell[2]] : [valueOf(cell)]));
  const [low, high] = padded(Math.min(...ends), Math.max(...ends), 0.06);
  const [first, last] = padded(Math.log10(points[0].x), Math.log10(points.at(-1).x), 0.06);
  const x = (value) => MARGIN.left + ((Math.log10(value) - first) / (last - first)) * (right - MARGIN.left);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - MARGIN.top);
  const { cost, column, families } = about;
  const label = `${column.label} against ${cost.name}, ${points.length} points. Arrow keys move between points.`;
  const picture = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
  picture.append(axes({ x, y, low, high, first, last, right, bottom, width }, cost, column));
  if (front.length > 1) {
    const steps = front.map((point, i) => (i ? `H${x(point.x).toFixed(1)}V${y(point.y).toFixed(1)}` : `M${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`));
    picture.append(drawn("path", { class: "front", d: `${steps.join("")}H${right}`, "aria-hidden": "true" }));
  }
  const marks = points.map((point, i) =>
    mark(point, i, { left: x(point.x), top: y(point.y), y: spread ? y : null, width, isFront: front.includes(point), ...about }),
  );
  picture.append(...marks);
  picture.addEventListener(
    "keydown",
    roving(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"], () => marks, () => document.activeElement),
  );
  return picture;
}

function padded(low, high, share) {
  const pad = high > low ? (high - low) * share : Math.max(Math.abs(high) * 0.1, 0.05);
  return [low - pad, high + pad];
}

function mark(point, i, place) {
  const { left, top, y, column, cost, families, tip, width } = place;
  const { row, cell } = point;
  const words = [
    row.name,
    `${column.label} ${shown(point.y, column.places)} ${interval(cell, column.places)}`.trim(),
    `${count(point.x)} ${cost.name}`,
    `${row.family}, ${row.verified ? "verified" : "unverified"}${place.isFront ? ", on the Pareto front" : ""}`,
  ];
  const show = () => showTip(tip, words, left, top, width);
  const hide = () => (tip.hidden = true);
  const made = drawn("g", {
    class: `point f${families.get(row.family)}${row.verified ? "" : " hollow"}`,
    transform: `translate(${left.toFixed(1)},${top.toFixed(1)})`,
    tabindex: i ? -1 : 0,
    role: "button",
    "aria-label": words.join(". "),
    focus: show,
    blur: hide,
    pointerenter: show,
    pointerleave: hide,
    click: () => openRun(row),
    keydown: (event) => {
      if (event.key === "Escape") hide();
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      openRun(row);
    },
  });
  if (y && Array.isArray(cell))
    made.append(drawn("path", { class: "spread", d: `M0,${(y(cell[1]) - top).toFixed(1)}V${(y(cell[2]) - top).toFixed(1)}` }));
  made.append(drawn("circle", { class: "halo", r: 11 }), drawn("path", { class: "shape", d: shapeOf(families.get(row.family)) }));
  return made;
}

function showTip(tip, words, left, top, width) {
  const [name, ...lines] = words;
  tip.replaceChildren(element("b", {}, name), ...lines.map((line) => element("span", {}, line)));
  tip.hidden = false;
  const half = tip.offsetWidth / 2;
  tip.style.setProperty("left", `${Math.max(half, Math.min(width - half, left))}px`);
  const above = top > tip.offsetHeight + 16;
  tip.style.setProperty("top", `${above ? top - tip.offsetHeight - 14 : top + 14}px`);
}

function axes({ x, y, low, high, first, last, right, bottom, width }, cost, column) {
  const group = drawn("g", { class: "axes", "aria-hidden": "true" });
  for (const value of niceSteps(low, high)) {
    group.append(
      drawn("line", { x1: MARGIN.left, x2: right, y1: y(value), y2: y(value) }),
      drawn("text", { x: MARGIN.left - 8, y: y(value) + 4, "text-anchor": "end" }, shownTick(value)),
    );
  }
  for (const value of logSteps(first, last, width < 500 ? 4 : 8))
    group.append(drawn("text", { x: x(value), y: bottom + 18, "text-anchor": "middle" }, count(value)));
  const middle = (MARGIN.left + right) / 2;
  group.append(
    drawn("line", { class: "base", x1: MARGIN.left, x2: right, y1: bottom, y2: bottom }),
    drawn("text", { x: middle, y: bottom + 38, "text-anchor": "middle" }, cost.name),
    drawn("text", { x: MARGIN.left, y: 10, "text-anchor": "start" }, column.metric ? `${column.label}, ${column.metric}` : column.label),
  );
  return group;
}

const shownTick = (value) => String(Number(value.toPrecision(6))).replace("-", "−");

function niceSteps(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((each) => each >= rough);
  const found = [];
  const first = Math.ceil(low / step);
  // Counted from 0: a number may be so large that one more is the same number.
  const count = Math.min(Math.floor(high / step) - first, 20);
  for (let i = 0; i <= count; i += 1) found.push((first + i) * step);
  return found;
}

// Powers of ten and, while there is room, what lies between them; even steps in a narrow range.
function logSteps(first, last, most) {
  for (const times of [[1, 1.5, 2, 3, 4, 6, 8], [1, 2, 5], [1, 3], [1]]) {
    const found = [];
    for (let power = Math.floor(first); power <= last; power += 1)
      for (const each of times) {
        const place = power + Math.log10(each);
        if (place >= first && place <= last) found.push(Number(`${each}e${power}`));
      }
    if (found.length < 2) return niceSteps(10 ** first, 10 ** last).slice(0, most);
    if (found.length <= most) return found;
    if (times.length === 1) return found.filter((_, i) => i % Math.ceil(found.length / most) === 0);
  }
  return [];
}

function legend(families, points) {
  const there = new Set(points.map((point) => point.row.family));
  const items = [...families].filter(([name, i]) => there.has(name) && i < MOST_FAMILIES);
  const others = [...families].some(([name, i]) => there.has(name) && i === MOST_FAMILIES);
  const entries = others ? [...items, ["others", MOST_FAMILIES]] : items;
  return element(
    "ul",
    { class: "legend", "aria-label": "Architectures" },
    ...entries.map(([name, i]) => {
      const icon = drawn("svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true", class: `point f${i}` });
      icon.append(drawn("path", { class: "shape", d: shapeOf(i) }));
      return element("li", {}, icon, element("span", {}, name));
    }),
  );
}
