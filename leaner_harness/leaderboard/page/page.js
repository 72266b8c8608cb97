// What is chosen, and the page that follows from it.

const data = JSON.parse(byId("data").textContent);
const view = { board: 0, sort: "", reversed: false, search: "", family: "", size: "", state: "", kind: "", hidden: new Set(), x: "parameters", y: "", rows: STEP };
const current = () => data.boards[view.board];

function sortBy(column) {
  view.reversed = view.sort === column.id ? !view.reversed : false;
  view.sort = column.id;
  drawTable();
  byId("table").querySelector(`th[aria-sort]:not([aria-sort=none]) button`).focus();
}

function drawTable() {
  const board = current();
  const all = columnsOf(board);
  const columns = all.filter((column) => !isHidden(column));
  const rows = ordered(matching(board), all.find((column) => column.id === view.sort), view.reversed);
  const scale = scaleOf(board, columns);
  const shownRows = rows.slice(0, view.rows).map((row) => bodyRow(board, row, columns, scale));
  const caption = element("caption", { class: "hidden" }, `${board.name}, ${board.protocol}, ${board.split}: ${rows.length} results`);
  const body = element("tbody", {}, ...shownRows);
  const models = () => [...body.querySelectorAll("button.model")];
  body.addEventListener("keydown", roving(["ArrowDown", "ArrowUp", "Home", "End"], models, () => document.activeElement));
  models()[0]?.setAttribute("tabindex", "0");
  byId("table").replaceChildren(caption, headRow(columns), body, footRows(board, columns));
  const sorted = all.find((column) => column.id === view.sort);
  byId("count").textContent =
    `${rows.length} of ${board.rows.length} ${board.rows.length === 1 ? "result" : "results"}` +
    (sorted ? `, by ${sorted.label.toLowerCase()}` : board.ranked ? ", by rank" : "");
  const more = byId("more");
  more.hidden = rows.length <= view.rows;
  more.textContent = `Show ${Math.min(STEP, rows.length - view.rows)} more of ${rows.length - view.rows}`;
  return rows;
}

function draw() {
  drawChart(current(), drawTable());
}

function changed(key, value) {
  view[key] = value;
  view.rows = STEP;
  draw();
}

function showBoard(number) {
  const board = data.boards[number];
  view.board = number;
  Object.assign(view, { sort: "", reversed: false, search: "", family: "", size: "", state: "", kind: "", rows: STEP });
  for (const id of ["search", "state"]) byId(id).value = "";
  const families = [...new Set(board.rows.map((row) => row.family))].sort();
  options(byId("family"), [["", "All"], ...families.map((name) => [name, name])], "");
  options(byId("size"), BUCKETS, "");
  options(byId("kind"), [["", "All"], ...board.kinds.map((name) => [name, name])], "");
  byId("kind-tool").hidden = !board.kinds.length;
  const scores = columnsOf(board).filter((column) => column.score);
  options(byId("y"), scores.map((column) => [column.id, column.label]), view.y);
  view.y = byId("y").value;
  options(byId("x"), SIZES.map((size) => [size.key, size.label]), view.x);
  byId("board-head").replaceChildren(...boardHead(board));
  byId("reading").querySelector("div").replaceChildren(...reading(board));
  columnMenu(board);
  for (const each of document.querySelectorAll("#boards a"))
    if (each.dataset.id === board.id) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  draw();
}

function columnMenu(board) {
  const boxes = columnsOf(board).filter((column) => column.id !== "model").map((column) => {
    const box = element("input", { type: "checkbox", value: column.id, change: () => toggled(column, box.checked) });
    box.checked = !isHidden(column);
    return element("label", {}, box, element("span", {}, column.label));
  });
  const legend = byId("columns").querySelector("legend");
  legend.parentElement.replaceChildren(legend, ...boxes);
}

function toggled(column, isShown) {
  if (isShown) view.hidden.delete(column.id);
  else view.hidden.add(column.id);
  drawTable();
}

function boardHead(board) {
  const kind = board.synthetic
    ? "Synthetic rows, made by this project: not comparable with published numbers."
    : board.source === "official"
      ? "The rows of the published benchmark; every data file matched its digest."
      : "Rows from a local folder that are not, or not all, the published ones.";
  return [
    element("h2", {}, `${board.name} `, element("span", { class: "light" }, board.protocol)),
    element("p", {}, element("span", { class: board.synthetic ? "badge made" : "badge" }, board.synthetic ? "Synthetic" : "Published"), ` ${kind}`),
    element("p", { class: "note" }, `Split ${board.split} · rows ${board.fingerprint.slice(0, 12)} · protocol ${board.protocol_fingerprint.slice(0, 12)}`),
  ];
}

function reading(board) {
  const lines = board.answers
    ? [
        "Grades are a judge's, 0 to 5 each and 15 in sum; grades of two judges are never in one table. Checks are from 0 to 1 and need no judge: none sees whether an answer is true.",
        "Questions can be narrowed to one kind; numbers of a kind have no interval here.",
      ]
    : [
        "Centred is the mean over the tasks of (score − constant) / (1 − constant): 0 is the best constant prediction, 1 is perfect. Raw is the plain mean. The last rows say what a constant, and the counting of words, reach.",
        "± is the standard deviation over the training seeds of fine-tuning. Bold is the best verified number of a column.",
      ];
  lines.push(
    "Brackets are 95 % intervals. With several training seeds they count rows and seeds as chance; otherwise rows alone.",
    "A rank is 1 + the number of results that are significantly better, and never above that of a larger value, so results of one rank are not significantly different. Two results differ significantly where their difference is more than 1.96 × the root of the sum of their squared standard errors, an error being an interval's half / 1.96. This takes the results as independent, though they answer the same rows: it calls ties too often rather than too seldom. Nothing is corrected for the number of results. The small numbers are the best and the worst place that this leaves open. leaner compare makes the paired test.",
    "Verified: the numbers were computed again from the samples beside the file. Unverified: there are no samples; such a result is shown and not ranked. Results share a table only where board, split, rows, protocol and judge are the same, and synthetic rows never with published ones.",
  );
  return lines.map((line) => element("p", {}, line));
}

function boardList() {
  const groups = [["Published rows", false], ["Synthetic rows", true]].map(([title, made]) => {
    const found = data.boards.filter((board) => board.synthetic === made);
    if (!found.length) return null;
    const id = made ? "synthetic-boards" : "published-boards";
    const links = found.map((board) =>
      element(
        "li",
        {},
        element(
          "a",
          { href: hashOf({ board: board.id }), "data-id": board.id },
          element("b", {}, board.name),
          element("span", {}, `${board.protocol}, ${board.split}`),
          element("small", {}, `${board.rows.length} ${board.rows.length === 1 ? "result" : "results"} · ${board.fingerprint.slice(0, 8)}`),
        ),
      ),
    );
    return element("div", {}, element("h2", { id }, title), element("ul", { "aria-labelledby": id }, ...links));
  });
  byId("boards").replaceChildren(...groups.filter(Boolean));
}

function refusedList() {
  if (!data.refused.length) return;
  const rows = data.refused.map(([path, reason]) => [path, reason]);
  const more = data.refused_count - rows.length;
  const title = element("summary", { id: "refused-title" }, `Refused files (${data.refused_count})`);
  const note = more > 0 ? element("p", { class: "note" }, `And ${more} more.`) : null;
  byId("refused").hidden = false;
  byId("refused").replaceChildren(element("details", {}, title, simpleTable("Files that are on no board", ["File", "Reason"], rows), note));
}

const hashOf = (parts) => `#${new URLSearchParams(parts)}`;

function setHash(parts) {
  history.replaceState(null, "", hashOf(parts));
}

function followHash() {
  const asked = new URLSearchParams(location.hash.slice(1));
  if (!asked.has("board") && location.hash) return; // the skip link
  const number = Math.max(0, data.boards.findIndex((board) => board.id === asked.get("board")));
  showBoard(number);
  const row = data.boards[number].rows.find((each) => each.path === asked.get("run"));
  if (row) openRun(row);
}

// What is remembered is a wish; a browser that keeps nothing for files is no fault.
function theme() {
  const chosen = byId("theme");
  const apply = () => (document.documentElement.dataset.theme = chosen.value);
  try {
    chosen.value = localStorage.getItem("leaner-theme") || "";
  } catch {}
  chosen.addEventListener("change", () => {
    apply();
    try {
      localStorage.setItem("leaner-theme", chosen.value);
    } catch {}
  });
  apply();
}

function start() {
  theme();
  refusedList();
  if (!data.boards.length) {
    byId("board").classList.add("bare");
    byId("board-head").append(element("p", { class: "empty" }, "No results yet."));
    return;
  }
  boardList();
  byId("search").addEventListener("input", (event) => changed("search", event.target.value));
  for (const id of ["family", "size", "state"]) byId(id).addEventListener("change", (event) => changed(id, event.target.value));
  for (const id of ["kind", "x", "y"]) byId(id).addEventListener("change", (event) => { view[id] = event.target.value; draw(); });
  byId("more").addEventListener("click", () => { view.rows += STEP; drawTable(); });
  const rows = () => { const board = current(); return ordered(matching(board), columnsOf(board).find((column) => column.id === view.sort), view.reversed); };
  byId("csv").addEventListener("click", () => save(fileName(current(), "csv"), "text/csv", csvOf(current(), rows())));
  byId("json").addEventListener("click", () => save(fileName(current(), "json"), "application/json", jsonOf(current(), rows())));
  const dialog = byId("run");
  dialog.addEventListener("close", () => setHash({ board: current().id }));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  addEventListener("hashchange", followHash);
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) > 1 && width) drawChart(current(), matching(current()));
    width = entry.contentRect.width;
  }).observe(byId("chart"));
  followHash();
}

start();
