// The board as a file: CSV and JSON of the rows that are shown, in their order, and of every score of
// the kind or task that they are narrowed to.

function save(name, kind, text) {
  const address = URL.createObjectURL(new Blob([text], { type: kind }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

const narrowed = () => view.kind || view.task;
const scoresOf = (board) => columnsOf(board).filter((column) => column.score);

function fileName(board, ending) {
  const parts = [board.id, narrowed()].filter(Boolean).join("/");
  return `${parts.replace(/[^A-Za-z0-9._-]+/g, "-")}.${ending}`;
}

// A text that starts like a formula would run in a spreadsheet.
function csvCell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// Value, interval of 95 %, standard deviation over seeds of fine-tuning, and why there is none.
function csvScore(cell) {
  if (typeof cell === "string") return [null, null, null, null, cell];
  const [value, low = null, high = null, sd = null] = Array.isArray(cell) ? cell : [cell];
  return [value, low, high, sd, null];
}

function csvOf(board, rows) {
  const scores = scoresOf(board);
  const named = scores.flatMap(({ key }) => [key, `${key} low`, `${key} high`, `${key} sd`, `${key} state`]);
  const about = [board.name, board.protocol, board.split, board.fingerprint, board.protocol_fingerprint];
  const head = ["rank", "rank best", "rank worst", "model", "architecture", "state", ...SIZES.map((size) => size.key), ...named, "board", "protocol", "split", "rows", "protocol fingerprint", "file"];
  const lines = rows.map((row) => [
    ...(row.rank || [null, null, null]),
    row.name,
    row.family,
    row.verified ? "verified" : "unverified",
    ...row.sizes,
    ...scores.map((column) => column.cell(row)).flatMap(csvScore),
    ...about,
    row.path,
  ]);
  return [head, ...lines].map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

function jsonOf(board, rows) {
  const { name, protocol, split, synthetic, fingerprint, protocol_fingerprint } = board;
  const found = rows.map((row) => ({
    rank: row.rank ? row.rank[0] : null,
    rank_between: row.rank ? row.rank.slice(1) : null,
    model: row.name,
    architecture: row.family,
    state: row.verified ? "verified" : "unverified",
    ...Object.fromEntries(SIZES.map((size, i) => [size.key, row.sizes[i]])),
    scores: Object.fromEntries(
      scoresOf(board).map(({ key, cell: of }) => {
        const cell = of(row);
        if (!Array.isArray(cell)) return [key, cell];
        const [value, low, high, sd] = cell;
        return [key, { value, interval: [low, high], ...(sd === undefined ? {} : { sd }) }];
      }),
    ),
    file: row.path,
  }));
  return JSON.stringify({ board: name, protocol, split, synthetic, fingerprint, protocol_fingerprint, narrowed_to: narrowed() || null, level: 0.95, references: board.references, results: found }, null, 1);
}
