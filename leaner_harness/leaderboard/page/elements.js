// Elements of the page. Data reach it as text and attributes, never as markup.

const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function options(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, label]) => element("option", { value }, label)));
  select.value = pairs.some(([value]) => value === chosen) ? chosen : pairs[0][0];
}

// One stop for the Tab key in a set of elements; arrow keys move between them.
function roving(keys, all, current) {
  const moves = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
  return (event) => {
    const move = keys.includes(event.key) ? moves[event.key] : undefined;
    const found = all();
    const place = found.indexOf(current());
    if (move === undefined || place < 0) return;
    event.preventDefault();
    const next = found[Math.max(0, Math.min(found.length - 1, place + move))];
    found.forEach((each) => each.setAttribute("tabindex", each === next ? "0" : "-1"));
    next.focus();
  };
}
