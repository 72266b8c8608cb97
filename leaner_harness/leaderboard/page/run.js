// The details of a run, in a dialog of their own.

function openRun(row) {
  const board = current();
  const dialog = byId("run");
  const details = row.details;
  const parts = [
    element(
      "header",
      {},
      element("h2", { id: "run-title", tabindex: "-1" }, row.name),
      element("button", { type: "button", class: "close", "aria-label": "Close", click: () => dialog.close() }, "×"),
    ),
    element("p", { class: "under" }, `${board.name}, ${board.protocol}, ${board.split}`),
    stateOf(row),
    scores(board, row),
    details.curve === undefined ? null : curves(data.pool[details.curve]),
    board.kinds.length ? kindTable(board, row) : taskTable(board, row),
    row.phenomena ? phenomena(board, row) : null,
    commands(row),
    ...sections(details),
    element("p", {}, "The whole record: ", element("a", { href: link(row.path) }, row.path)),
  ];
  dialog.replaceChildren(...parts.filter(Boolean));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  dialog.querySelector("h2").focus();
  // An entry of its own in the history: Back closes the details.
  const hash = hashOf({ board: board.id, run: row.path });
  if (location.hash !== hash) history.pushState(null, "", hash);
}

const link = (path) => path.split("/").map(encodeURIComponent).join("/");

function stateOf(row) {
  const why = data.pool[row.why];
  return row.verified
    ? element("p", { class: "state verified" }, `Verified. ${why}`)
    : element("p", { class: "state unverified" }, `Unverified, and not ranked. ${why}`);
}

function scores(board, row) {
  const facts = [];
  if (row.rank) {
    const [place, best, worst] = row.rank;
    facts.push(["Rank", best === worst ? `${place}` : `${place} (between ${best} and ${worst})`]);
  }
  board.columns.forEach((column, i) => {
    const cell = row.cells[i];
    if (column.group === "mean" && valueOf(cell) !== null) facts.push([column.label, `${shown(valueOf(cell), column.places)} ${interval(cell, column.places)}`]);
  });
  SIZES.forEach((size, i) => facts.push([size.label, row.sizes[i] === null ? "unknown" : count(row.sizes[i])]));
  if (row.details.missing.length) facts.push(["Missing", row.details.missing.join(", ")]);
  const tiles = facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  return element("dl", { class: "tiles" }, ...tiles);
}

function simpleTable(caption, heads, rows) {
  const head = element("tr", {}, ...heads.map((each) => element("th", { scope: "col" }, each)));
  const body = rows.map(([first, ...rest]) =>
    element("tr", {}, element("th", { scope: "row" }, first), ...rest.map((each) => element("td", {}, each))),
  );
  const table = element("table", {}, element("caption", {}, caption), element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { class: "scroller", role: "region", tabindex: "0", "aria-label": caption }, table);
}

function taskTable(board, row) {
  const tasks = row.details.tasks;
  if (!tasks.length) return null;
  const rows = tasks.map(([name, n, constant, names, values]) => {
    const cell = row.cells[board.columns.findIndex((column) => column.key === name)];
    const score = typeof cell === "string" ? cell : `${shown(valueOf(cell ?? null))} ${interval(cell)}`;
    const spread = Array.isArray(cell) && cell.length > 3 ? ` ±${shown(cell[3])}` : "";
    const beside = data.pool[names].map((each, i) => `${each.replaceAll("_", " ")} ${shownTick(values[i])}`);
    return [name, score + spread, shown(constant), n === null ? DASH : String(n), beside.join(" · ")];
  });
  const made = simpleTable("Tasks", ["Task", "Score", "Constant", "Rows", "Other numbers"], rows);
  made.classList.add("tasks");
  return made;
}

function kindTable(board, row) {
  const heads = ["Kind of question", "n", ...board.columns.map((column) => column.label)];
  const asColumn = (value, i) => shown(value, board.columns[i].places);
  const rows = board.kinds.map((kind, i) => {
    const [n, ...values] = row.kinds[i];
    return [kind, n === null ? DASH : String(n), ...values.map(asColumn)];
  });
  const all = ["all", row.n === null ? DASH : String(row.n), ...row.cells.map((cell, i) => (typeof cell === "string" ? cell : asColumn(valueOf(cell), i)))];
  return simpleTable("By kind of question", heads, [all, ...rows]);
}

function commands(row) {
  const details = row.details;
  const recipe = factsOf(details.recipe).filter(([key]) => key !== "…");
  const lines = [];
  if (details.train)
    lines.push("cat > recipe.toml <<'END'", ...recipe.map(([key, value]) => `${key} = ${value}`), "END", details.train);
  lines.push(details.score);
  const found = [commandBox("Make it again", lines.join("\n"))];
  if (row.verified) found.push(commandBox("Compute its numbers again from its samples", details.verify));
  return element("div", {}, ...found);
}

function commandBox(title, text) {
  const copy = element("button", { type: "button", class: "copy", "aria-label": `Copy: ${title}`, click: () => copied(text, copy) }, "Copy");
  const head = element("div", { class: "command-head" }, element("h3", {}, title), copy);
  return element("section", {}, head, element("pre", { tabindex: "0", "aria-label": title }, text));
}

async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(button.closest("section").querySelector("pre"));
    button.textContent = "Selected";
  }
}

// Names and values of facts, which runs share.
const factsOf = ([names, values]) => data.pool[names].map((name, i) => [name, data.pool[values][i]]);

function sections(details) {
  const all = { ...(factsOf(details.recipe).length ? { Recipe: details.recipe } : {}), ...details.sections };
  const order = ["Recipe", "Training", "Model", "Protocol", "Judge", "Rows", "Samples", "Provenance", "Versions in training"];
  return order
    .filter((name) => name in all)
    .map((name) => {
      const facts = factsOf(all[name]).map(([key, value]) =>
        element("div", {}, element("dt", {}, key.replaceAll("_", " ")), element("dd", {}, value)),
      );
      return element("details", { open: name === "Recipe" || name === "Training" }, element("summary", {}, name), element("dl", { class: "facts" }, ...facts));
    });
}
