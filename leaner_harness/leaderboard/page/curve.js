// Learning curves of a run: the training loss and the measure on validation text, a picture each.

const FRAME = { width: 400, height: 190, left: 44, right: 392, top: 12, bottom: 158 };

function curves({ tokens, loss, validation, unit }) {
  const pictures = [
    curve("Training loss", "nats per target", tokens, loss),
    validation.length ? curve("Validation", unit, tokens, validation) : null,
  ];
  const found = pictures.filter(Boolean);
  return found.length ? element("div", { class: "curves", role: "group", "aria-label": "Learning curves" }, ...found) : null;
}

function curve(name, unit, tokens, values) {
  const points = tokens.map((seen, i) => ({ seen, value: values[i] })).filter(({ value }) => value !== null);
  if (points.length < 2) return null;
  const { width, height, left, right, top, bottom } = FRAME;
  const all = points.map(({ value }) => value);
  const [low, high] = padded(Math.min(...all), Math.max(...all), 0.06);
  const most = points.at(-1).seen || 1;
  const x = (seen) => left + (seen / most) * (right - left);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const [first, last] = [points[0], points.at(-1)].map(({ seen, value }) => `${shown(value)} at ${count(seen)} tokens`);
  const label = `${name}, ${unit}: ${first}, ${last}. Arrow keys move between ${points.length} points.`;
  const picture = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label, class: "curve" });
  const tip = element("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  const dots = points.map(({ seen, value }, i) => dot(i, x(seen), y(value), [`${shown(value)} ${unit}`, `${count(seen)} tokens seen`], { picture, tip }));
  const line = dots.map(({ at }) => at.map((each) => each.toFixed(1)).join(",")).join(" ");
  picture.append(curveAxes(x, y, low, high, most), drawn("polyline", { class: "line", points: line }), ...dots.map((each) => each.made));
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const place = ((event.clientX - box.left) * width) / box.width;
    dots.reduce((best, each) => (Math.abs(each.at[0] - place) < Math.abs(best.at[0] - place) ? each : best)).show();
  });
  picture.addEventListener("pointerleave", () => hideTip(tip, picture));
  picture.addEventListener(
    "keydown",
    roving(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"], () => dots.map((each) => each.made), () => document.activeElement),
  );
  const caption = element("figcaption", {}, `${name} `, element("span", { class: "light" }, unit));
  return element("figure", {}, caption, element("div", { class: "picture" }, picture, tip));
}

// A point of a curve; the one that is looked at is marked, and the tip says its values.
function dot(i, left, top, words, { picture, tip }) {
  const show = () => {
    picture.querySelectorAll(".on").forEach((each) => each.classList.remove("on"));
    made.classList.add("on");
    const scale = picture.clientWidth / FRAME.width;
    showTip(tip, words, left * scale, top * scale, FRAME.width * scale);
  };
  const made = drawn(
    "g",
    {
      class: "dot",
      transform: `translate(${left.toFixed(1)},${top.toFixed(1)})`,
      tabindex: i ? -1 : 0,
      role: "img",
      "aria-label": words.join(", "),
      focus: show,
      blur: () => hideTip(tip, picture),
    },
    drawn("circle", { class: "halo", r: 9 }),
    drawn("circle", { class: "shape", r: 2.2 }),
  );
  return { made, show, at: [left, top] };
}

function hideTip(tip, picture) {
  tip.hidden = true;
  picture.querySelectorAll(".on").forEach((each) => each.classList.remove("on"));
}

function curveAxes(x, y, low, high, most) {
  const { left, right, bottom } = FRAME;
  const group = drawn("g", { class: "axes", "aria-hidden": "true" });
  for (const value of niceSteps(low, high))
    group.append(
      drawn("line", { x1: left, x2: right, y1: y(value), y2: y(value) }),
      drawn("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, shownTick(value)),
    );
  for (const value of niceSteps(0, most).filter((each) => each > 0))
    group.append(drawn("text", { x: x(value), y: bottom + 18, "text-anchor": x(value) > right - 20 ? "end" : "middle" }, count(value)));
  group.append(drawn("text", { x: left, y: bottom + 18, "text-anchor": "start" }, "tokens"));
  return group;
}
