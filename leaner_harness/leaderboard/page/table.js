// The table of a board: what is in it, in which order, and its elements.

const PAGE = 50; // rows in the table at a time: with more, sorting would be seen to take its time
const SIZES = [
  { key: "parameters", label: "Params", name: "parameters" },
  { key: "tokens", label: "Tokens", name: "tokens seen in training" },
  { key: "flops", label: "FLOPs", name: "FLOPs of training, estimated" },
];
const BUCKETS = [["", "All"], ["0", "Up to 2M"], ["2e6", "2M to 20M"], ["20e6", "20M to 200M"], ["200e6", "Over 200M"]];
const BOUNDS = { 0: [0, 2e6], "2e6": [2e6, 20e6], "20e6": [20e6, 200e6], "200e6": [200e6, Infinity] };

// Columns of a board: what a row has there, as a number to sort by and as a cell to show.
function columnsOf(board) {
  const kind = board.kinds.indexOf(view.kind);
  const all = board.columns.map((column, i) => ({
    ...column,
    id: `score:${column.key}`, // a task may be called what another column is called
    score: true,
    cell: (row) => (kind < 0 ? row.cells[i] : row.kinds[kind][i + 1]),
  }));
  const tested = board.phenomena.find((each) => each.task === view.task);
  const scores = tested ? [...all.filter((column) => column.key === tested.task), ...phenomenaOf(board, tested)] : all;
  const sizes = SIZES.map((size, i) => ({ ...size, id: size.key, group: "size", cell: (row) => row.sizes[i] }));
  const means = scores.filter((column) => column.group === "mean");
  const rest = scores.filter((column) => column.group !== "mean");
  const rank = { id: "rank", label: "Rank", group: "rank", cell: (row) => (row.rank ? row.rank[0] : null) };
  const model = { id: "model", label: "Model", group: "model", cell: (row) => row.name };
  const first = [...(board.ranked ? [rank] : []), model];
  return tested ? [...first, ...scores, ...sizes] : [...first, ...means, ...sizes.slice(0, 2), ...rest, sizes[2]];
}

const hasBar = (column) => column.group === "mean" || column.group === "phenomenon";

const isHidden = (column) => view.hidden.has(column.id);

// Of rank and of what is better low, the smallest comes first; of all else the largest.
const smallestFirst = (column) => ["rank", "model"].includes(column.id) || Boolean(column.low);

function ordered(rows, column, reversed) {
  if (!column) return reversed ? [...rows].reverse() : rows;
  const keyed = rows.map((row, place) => {
    const cell = column.cell(row);
    return { row, place, key: column.id === "model" ? cell.toLowerCase() : valueOf(cell) };
  });
  const sign = smallestFirst(column) === reversed ? -1 : 1;
  keyed.sort((a, b) => {
    if (a.key === b.key) return a.place - b.place;
    if (a.key === null) return 1; // what has no value stays last
    if (b.key === null) return -1;
    return (a.key < b.key ? -1 : 1) * sign;
  });
  return keyed.map((each) => each.row);
}

function matching(board) {
  const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  const [least, most] = BOUNDS[view.size] || [-Infinity, Infinity];
  return board.rows.filter((row) => {
    if (view.family && row.family !== view.family) return false;
    if (view.state && (view.state === "verified") !== row.verified) return false;
    if (view.size && !(row.sizes[0] !== null && row.sizes[0] > least - 1 && row.sizes[0] <= most)) return false;
    return words.every((word) => searched(row).includes(word));
  });
}

const texts = new WeakMap();
function searched(row) {
  if (!texts.has(row)) {
    const recipe = data.pool[row.details.recipe[1]];
    texts.set(row, [row.name, row.path, row.family, ...recipe].join(" ").toLowerCase());
  }
  return texts.get(row);
}

function headRow(columns) {
  const cells = columns.map((column) => {
    return element(
      "th",
      {
        scope: "col",
        class: column.group,
        "data-id": column.id,
        title: column.name || null,
        "aria-sort": "none",
      },
      element(
        "button",
        { type: "button", click: () => sortBy(column) },
        element("span", {}, column.label),
        column.metric ? element("small", {}, column.metric) : null,
        element("i", { "aria-hidden": "true" }),
      ),
    );
  });
  return element("thead", {}, element("tr", {}, ...cells));
}

function markSorted(head, columns) {
  [...head.querySelectorAll("th")].forEach((cell, i) => {
    const up = smallestFirst(columns[i]) !== view.reversed;
    cell.setAttribute("aria-sort", view.sort !== columns[i].id ? "none" : up ? "ascending" : "descending");
  });
}

function bodyRow(board, row, columns, scale) {
  const cells = columns.map((column) => {
    if (column.id === "model") return modelCell(row);
    if (column.id === "rank") return rankCell(board, row);
    const cell = column.cell(row);
    if (column.group === "size") return element("td", { class: "size" }, count(cell));
    if (typeof cell === "string") return element("td", { class: "none" }, cell);
    const best = valueOf(cell) !== null && valueOf(cell) === scale.best.get(column.id);
    if (hasBar(column)) return meanCell(cell, best, scale.ends.get(column.id), column.places);
    const title = Array.isArray(cell) ? `95 % interval ${interval(cell, column.places)}` : null;
    const spread = Array.isArray(cell) && cell.length > 3 ? element("small", {}, `±${shown(cell[3])}`) : null;
    return element("td", { class: best ? "best" : null, title }, shown(valueOf(cell), column.places), spread);
  });
  return element("tr", {}, ...cells);
}

function modelCell(row) {
  const open = element("button", { type: "button", class: "model", title: row.name, tabindex: "-1", click: () => openRun(row) }, row.name);
  const state = element("span", { class: row.verified ? "verified" : "unverified" }, row.verified ? "verified" : "unverified");
  return element("th", { scope: "row" }, open, element("span", { class: "under" }, element("span", { class: "family" }, row.family), state));
}

function rankCell(board, row) {
  if (!row.rank) return element("td", { class: "rank", title: "Not ranked: unverified or incomplete" }, DASH);
  const [place, best, worst] = row.rank;
  const range = best === worst ? null : element("small", {}, `${best}–${worst}`);
  return element("td", { class: "rank", title: `Between ${best} and ${worst}` }, String(place), range);
}

function meanCell(cell, best, ends, places) {
  const made = element("td", { class: best ? "mean best" : "mean" }, element("span", {}, shown(valueOf(cell), places)));
  if (Array.isArray(cell)) made.append(element("small", {}, interval(cell, places)), bar(cell, ends));
  return made;
}

// A value and its interval between the ends of a scale.
function bar([value, low, high], [first, last]) {
  const made = element("span", { class: "bar", "aria-hidden": "true" }, element("i"), element("b"));
  const parts = Object.entries({ "--value": value, "--low": low, "--high": high });
  const place = (each) => Math.max(0, Math.min(100, (100 * (each - first)) / (last - first)));
  for (const [name, each] of parts) made.style.setProperty(name, `${place(each)}%`);
  return made;
}

// The best verified value of each column, and the ends of the scale of its intervals.
function scaleOf(board, columns) {
  const scale = { best: new Map(), ends: new Map() };
  for (const column of columns.filter((each) => each.score)) {
    const values = board.rows.filter((row) => row.verified).map((row) => valueOf(column.cell(row))).filter((value) => value !== null);
    if (values.length > 1) scale.best.set(column.id, values.reduce(column.low ? (a, b) => Math.min(a, b) : (a, b) => Math.max(a, b)));
    if (!hasBar(column)) continue;
    const ends = board.rows.map(column.cell).filter(Array.isArray).flatMap((cell) => [cell[1], cell[2]]);
    const low = ends.reduce((a, b) => Math.min(a, b), Infinity);
    scale.ends.set(column.id, [low, ends.reduce((a, b) => Math.max(a, b), low + 1e-9)]);
  }
  return scale;
}

function footRows(board, columns) {
  const found = board.references.filter(({ values }) => columns.some(({ key }) => Object.hasOwn(values, key)));
  const rows = found.map((line) =>
    element(
      "tr",
      {},
      ...columns.map((column) => {
        if (column.id === "model") return element("th", { scope: "row" }, line.label);
        const value = Object.hasOwn(line.values, column.key) ? line.values[column.key] : null;
        return element("td", { class: column.group }, value === null ? "" : shown(value));
      }),
    ),
  );
  return element("tfoot", {}, ...rows);
}
