// What is chosen, and the page that follows from it.

const data = JSON.parse(byId("data").textContent);
const view = { board: 0, sort: "", reversed: false, search: "", family: "", size: "", state: "", kind: "", task: "", hidden: new Set(), x: "parameters", y: "", first: 0 };
const current = () => data.boards[view.board];

function sortBy(column) {
  view.reversed = view.sort === column.id ? !view.reversed : false;
  view.sort = column.id;
  view.first = 0;
  drawRows();
}

// The table with its columns; made anew only when these change.
let table = null;

function drawTable() {
  const board = current();
  const all = columnsOf(board);
  const columns = all.filter((column) => !isHidden(column));
  const body = element("tbody");
  const models = () => [...body.querySelectorAll("button.model")];
  body.addEventListener("keydown", roving(["ArrowDown", "ArrowUp", "Home", "End"], models, () => document.activeElement));
  table = { all, columns, body, scale: scaleOf(board, columns), made: new Map(), caption: element("caption", { class: "hidden" }), head: headRow(columns) };
  const widths = element("colgroup", {}, ...columns.map((column) => element("col", { class: column.group })));
  byId("table").replaceChildren(table.caption, widths, table.head, body, footRows(board, columns));
  return drawRows();
}

const rowsInOrder = () => ordered(matching(current()), table.all.find((column) => column.id === view.sort), view.reversed);

// The rows that are asked for, in their order; a row's elements are made once.
function drawRows() {
  const board = current();
  const rows = rowsInOrder();
  const elements = rows.slice(view.first, view.first + PAGE).map((row) => {
    if (!table.made.has(row)) table.made.set(row, bodyRow(board, row, table.columns, table.scale));
    return table.made.get(row);
  });
  table.body.replaceChildren(...elements);
  table.body.querySelectorAll("button.model").forEach((each, i) => each.setAttribute("tabindex", i ? "-1" : "0"));
  markSorted(table.head, table.columns);
  const sorted = table.all.find((column) => column.id === view.sort);
  const results = `${rows.length} of ${board.rows.length} ${board.rows.length === 1 ? "result" : "results"}`;
  table.caption.textContent = `${board.name}, ${board.protocol}, ${board.split}: ${results}`;
  byId("count").textContent = results + (sorted ? `, by ${sorted.label.toLowerCase()}` : board.ranked ? ", by score" : "");
  const last = Math.min(view.first + PAGE, rows.length);
  byId("pages").hidden = rows.length <= PAGE;
  byId("place").textContent = `${view.first + 1} to ${last} of ${rows.length}`;
  byId("before").disabled = view.first === 0;
  byId("after").disabled = last === rows.length;
  return rows;
}

function turn(rows) {
  view.first += rows;
  drawRows();
  // A button that is disabled loses the focus, and with it a keyboard its place.
  for (const [id, other] of [["before", "after"], ["after", "before"]])
    if (byId(id).disabled && document.activeElement !== byId(other)) byId(other).focus({ preventScroll: true });
  byId("scroller").scrollIntoView({ block: "nearest" });
}

function draw() {
  drawChart(current(), drawTable());
}

function changed(key, value) {
  view[key] = value;
  view.first = 0;
  drawChart(current(), drawRows());
}

function showBoard(number) {
  const board = data.boards[number];
  view.board = number;
  Object.assign(view, { sort: "", reversed: false, search: "", family: "", size: "", state: "", kind: "", task: "", first: 0 });
  for (const id of ["search", "state"]) byId(id).value = "";
  const families = [...new Set(board.rows.map((row) => row.family))].sort();
  options(byId("family"), [["", "All"], ...families.map((name) => [name, name])], "");
  options(byId("size"), BUCKETS, "");
  options(byId("kind"), [["", "All"], ...board.kinds.map((name) => [name, name])], "");
  byId("kind-tool").hidden = !board.kinds.length;
  options(byId("task"), [["", "All tasks"], ...board.phenomena.map(({ task, keys }) => [task, `${task} (${keys.length})`])], "");
  byId("task-tool").hidden = !board.phenomena.length;
  options(byId("x"), SIZES.map((size) => [size.key, size.label]), view.x);
  byId("board-head").replaceChildren(...boardHead(board));
  byId("reading").querySelector("div").replaceChildren(...reading(board));
  columnChoices(board);
  for (const each of document.querySelectorAll("#boards a"))
    if (each.dataset.id === board.id) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  draw();
}

// What can be hidden and drawn follows from the columns that there are.
function columnChoices(board) {
  const scores = columnsOf(board).filter((column) => column.score);
  options(byId("y"), scores.map((column) => [column.id, column.label]), view.y);
  view.y = byId("y").value;
  columnMenu(board);
}

function showPhenomena(task) {
  Object.assign(view, { task, sort: "", reversed: false, first: 0 });
  columnChoices(current());
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
  const badge = board.synthetic ? "Synthetic" : board.source === "official" ? "Published" : "Local";
  return [
    element("h2", {}, `${board.name} `, element("span", { class: "light" }, board.protocol)),
    element("p", {}, element("span", { class: badge === "Published" ? "badge" : "badge made" }, badge), ` ${kind}`),
    element("p", { class: "note" }, [`Split ${board.split}`, board.seeds && `fine-tuning seeds ${board.seeds}`, board.card && `judge's card: ${board.card}`, `rows ${board.fingerprint.slice(0, 12)}`, `protocol ${board.protocol_fingerprint.slice(0, 12)}`].filter(Boolean).join(" · ")),
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
        "Phenomena are what the rows of a task test, where they say so: the task's own metric on these rows alone. Rows that were all answered alike have an interval of no width, for the bootstrap knows no others; with n rows an error as rare as 3 in n may still be there.",
        "± is the standard deviation over the seeds of fine-tuning. Bold is the best verified number of a column.",
      ];
  lines.push(
    "Brackets are 95 % intervals. With several seeds of fine-tuning they count rows and seeds as chance; otherwise rows alone. A row is one checkpoint: how much another pre-training would differ is in no interval and in no rank.",
    `${data.rank_rule.replaceAll("`", "")} The small numbers are the best and the worst place that this leaves open.`,
    "Verified: the numbers were computed again from the samples beside the file. Unverified: there are no samples; such a result is shown and not ranked. Results share a table only where board, split, rows, protocol and judge are the same, and synthetic rows never with published ones.",
  );
  return lines.map((line) => element("p", {}, line));
}

function boardList() {
  const kinds = { published: "Published rows", local: "Local rows", synthetic: "Synthetic rows" };
  const kindOf = (board) => (board.synthetic ? "synthetic" : board.source === "official" ? "published" : "local");
  const groups = Object.entries(kinds).map(([kind, title]) => {
    const found = data.boards.filter((board) => kindOf(board) === kind);
    if (!found.length) return null;
    const id = `${kind}-boards`;
    const links = found.map((board) =>
      element(
        "li",
        {},
        element(
          "a",
          { href: hashOf({ board: board.id }), "data-id": board.id },
          element("b", {}, board.name),
          element("span", {}, `${board.protocol}, ${board.split}`),
          element("small", {}, `${board.rows.length} ${board.rows.length === 1 ? "result" : "results"} · ${board.fingerprint.slice(0, 8)} · ${board.protocol_fingerprint.slice(0, 8)}`),
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
  // The skip link: the browser has moved there; the address goes on naming the board.
  if (location.hash === "#board" && table) return setHash({ board: current().id });
  const asked = new URLSearchParams(location.hash.slice(1));
  const number = Math.max(0, data.boards.findIndex((board) => board.id === asked.get("board")));
  const row = data.boards[number].rows.find((each) => each.path === asked.get("run"));
  const dialog = byId("run");
  // Back from a run's details: the table is as it was left.
  const isBack = dialog.open && !row && number === view.board;
  if (!row) dialog.close();
  if (isBack) return;
  showBoard(number);
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
  byId("kind").addEventListener("change", (event) => { view.kind = event.target.value; draw(); });
  byId("task").addEventListener("change", (event) => showPhenomena(event.target.value));
  for (const id of ["x", "y"]) byId(id).addEventListener("change", (event) => { view[id] = event.target.value; drawChart(current(), matching(current())); });
  byId("before").addEventListener("click", () => turn(-PAGE));
  byId("after").addEventListener("click", () => turn(PAGE));
  byId("csv").addEventListener("click", () => save(fileName(current(), "csv"), "text/csv", csvOf(current(), rowsInOrder())));
  byId("json").addEventListener("click", () => save(fileName(current(), "json"), "application/json", jsonOf(current(), rowsInOrder())));
  const dialog = byId("run");
  dialog.addEventListener("close", () => setHash({ board: current().id }));
  // On the backdrop, from press to release: text that is selected may end outside of where it began.
  let pressed = false;
  const outside = ({ clientX, clientY }) => clientX < dialog.getBoundingClientRect().left || clientY < 0;
  dialog.addEventListener("pointerdown", (event) => (pressed = outside(event)));
  dialog.addEventListener("click", (event) => { if (pressed && outside(event)) dialog.close(); });
  addEventListener("hashchange", followHash);
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) > 1 && width) drawChart(current(), matching(current()));
    width = entry.contentRect.width;
  }).observe(byId("chart"));
  followHash();
}

start();
