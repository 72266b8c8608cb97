// What the rows of a task test: as columns of the board, and as a table of one run.

// The columns of what the rows of a task test. Scores of phenomena are in thousandths.
function phenomenaOf(board, { task, keys, names, n }) {
  const before = board.phenomena.slice(0, board.phenomena.findIndex((each) => each.task === task));
  const first = before.reduce((sum, each) => sum + each.keys.length, 0);
  return keys.map((key, i) => ({
    key: `${task}: ${key}`,
    id: `phenomenon:${task}:${key}`,
    label: names[i],
    group: "phenomenon",
    metric: n[i] === null ? "" : `n ${n[i]}`,
    score: true,
    cell: (row) => (row.phenomena && row.phenomena[first + i] ? row.phenomena[first + i].map((each) => each / 1000) : null),
  }));
}

// What the rows of each task test, as one table with a body for each task.
function phenomena(board, row) {
  const parts = board.phenomena.map((each) => ({ ...each, columns: phenomenaOf(board, each) }));
  const cells = parts.flatMap(({ columns }) => columns.map((column) => column.cell(row))).filter(Boolean);
  const scale = [Math.min(0, ...cells.map((cell) => cell[1])), 1];
  const heads = ["Phenomenon", "Score", "", "Constant", "Rows"].map((each) => (each ? element("th", { scope: "col" }, each) : element("td", { class: "bars" })));
  const bodies = parts.map(({ task, columns, constants, n }) => {
    const metric = board.columns.find((column) => column.key === task)?.metric;
    const title = element("th", { scope: "rowgroup", colspan: heads.length }, metric ? `${task}, ${metric}` : task);
    const rows = columns.map((column, i) => {
      const cell = column.cell(row);
      const constant = constants[i] === null ? null : constants[i] / 1000;
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, column.label),
        element("td", {}, `${shown(valueOf(cell))} ${interval(cell)}`),
        element("td", { class: "bars" }, cell ? bar(cell, scale) : null),
        element("td", {}, shown(constant)),
        element("td", {}, n[i] === null ? DASH : String(n[i])),
      );
    });
    return element("tbody", {}, element("tr", { class: "group" }, title), ...rows);
  });
  const caption = element("caption", { class: "hidden" }, "Phenomena: the task's metric on the rows that test each");
  const table = element("table", { class: "phenomena" }, caption, element("thead", {}, element("tr", {}, ...heads)), ...bodies);
  const place = element("div", { class: "scroller", role: "region", tabindex: "0", "aria-label": "Phenomena" }, table);
  return element("details", {}, element("summary", {}, `Phenomena (${cells.length})`), place);
}
