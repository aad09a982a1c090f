/* The list: filters, order, and as many rows as are in sight. */

const ROW = 62;
const AHEAD = 8;

const list = {
  index: null,
  questions: null,
  size: 0,
  shown: [],
  current: -1,
  filters: { words: [], status: [new Set(), new Set()], change: new Set(), axes: new Map(), low: null, high: null, of: "0" },
  order: "run",
  lower: [],
  open: () => {},
};

const textOf = (number) => (number < 0 ? "" : list.questions.texts[number]);

function startList(index, open) {
  Object.assign(list, { index, questions: index.questions, size: index.questions.id.length, open });
  list.lower = index.questions.texts.map((text) => text.toLowerCase());
  chips();
  selects();
  orders();
  byId("search").addEventListener("input", () => {
    list.filters.words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    refilter();
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("list").addEventListener("scroll", () => requestAnimationFrame(paint), { passive: true });
  new ResizeObserver(() => { reveal(); paint(); }).observe(byId("list"));
  refilter();
}

const scoreOf = (run, i) => list.questions.sides[run].score[i];

function difference(i) {
  const [before, after] = [scoreOf(0, i), scoreOf(1, i)];
  return before === null || after === null ? null : after - before;
}

function measured(i) {
  return list.filters.of === "d" ? difference(i) : scoreOf(Number(list.filters.of), i);
}

function matches(i) {
  const { words, status, change, axes, low, high } = list.filters;
  const q = list.questions;
  for (let run = 0; run < q.sides.length; run++) {
    if (status[run].size && !status[run].has(q.sides[run].status[i])) return false;
  }
  if (change.size && !change.has(q.change[i])) return false;
  for (const [column, wanted] of axes) if (column[i] !== wanted) return false;
  if (low !== null || high !== null) {
    const value = measured(i);
    if (value === null || (low !== null && value < low) || (high !== null && value > high)) return false;
  }
  return words.every((word) => has(i, word));
}

function has(i, word) {
  const q = list.questions;
  const texts = [q.question[i], q.options[i], q.reference[i], ...q.sides.map((side) => side.answer[i])];
  return texts.some((number) => number >= 0 && list.lower[number].includes(word))
    || q.id[i].toLowerCase().includes(word)
    || list.index.videos[q.video[i]].name.toLowerCase().includes(word);
}

function refilter() {
  const found = [];
  for (let i = 0; i < list.size; i++) if (matches(i)) found.push(i);
  const rank = ranks[list.order].rank;
  if (rank) {
    const keys = new Map(found.map((i) => [i, rank(i)]));
    const last = (value) => (value === null ? Infinity : value);
    found.sort((one, other) => last(keys.get(one)) - last(keys.get(other)) || one - other || 0);
  }
  list.shown = found;
  count();
  byId("list").scrollTop = 0;
  reveal();
  paint();
}

function dissent(i) {
  const parts = list.questions.sides.filter((side) => side.rollouts[i]).map((side) => side.dissent[i] / side.rollouts[i]);
  return parts.length ? Math.max(...parts) : 0;
}

function least(i) {
  const found = list.questions.sides.map((side) => side.score[i]).filter((value) => value !== null);
  return found.length ? Math.min(...found) : null;
}

const negative = (value) => (value === null ? null : -value);
const ranks = {
  run: { title: "as in the run" },
  worst: { title: "worst first", rank: least },
  best: { title: "best first", rank: (i) => negative(least(i)) },
  dissent: { title: "rollouts that disagree most", rank: (i) => -dissent(i) },
  differ: { title: "largest difference A, B", rank: (i) => (difference(i) === null ? null : -Math.abs(difference(i))), pair: true },
  lost: { title: "largest loss in B", rank: difference, pair: true },
  won: { title: "largest gain in B", rank: (i) => negative(difference(i)), pair: true },
};

function orders() {
  const pair = list.questions.sides.length === 2;
  for (const [name, { title, pair: needs }] of Object.entries(ranks)) {
    if (!needs || pair) byId("sort").append(el("option", { value: name }, title));
  }
  byId("sort").addEventListener("change", () => { list.order = byId("sort").value; refilter(); });
}

function tally(column, size) {
  const found = new Array(size).fill(0);
  for (const value of column) if (value >= 0) found[value]++;
  return found;
}

function chips() {
  const q = list.questions;
  q.sides.forEach((side, run) => {
    const title = q.sides.length === 2 ? SIDES[run] : null;
    byId("chips").append(chipRow(title, STATUSES, tally(side.status, STATUSES.length), list.filters.status[run]));
  });
  if (q.change) byId("chips").append(chipRow("A→B", CHANGES, tally(q.change, CHANGES.length), list.filters.change, CHANGE_WORDS));
}

function chipRow(title, words, counts, chosen, told) {
  const row = el("div", { class: "chips", role: "group", "aria-label": title || "Result" }, title && el("b", {}, title));
  words.forEach(([word, sign], number) => {
    if (!counts[number]) return;
    const chip = el("button", { type: "button", class: `chip ${word}`, "aria-pressed": "false", title: told ? told[word] : word },
      el("i", { "aria-hidden": "true" }, sign), ` ${word} `, el("small", {}, String(counts[number])));
    chip.addEventListener("click", () => {
      const on = !chosen.delete(number);
      if (on) chosen.add(number);
      chip.setAttribute("aria-pressed", String(on));
      refilter();
    });
    row.append(chip);
  });
  return row;
}

function selects() {
  const q = list.questions;
  const axes = [["task", q.task], ["kind", q.kind], ...q.groups.map(({ axis, value }) => [axis, value])];
  for (const [axis, column] of axes) {
    const counts = tally(column, q.texts.length);
    const values = [...counts.keys()].filter((number) => counts[number]);
    values.sort((one, other) => q.texts[one].localeCompare(q.texts[other], "en", { numeric: true }));
    const choice = el("select", {}, el("option", { value: "-1" }, "all"),
      values.map((number) => el("option", { value: String(number) }, `${q.texts[number]} (${counts[number]})`)));
    choice.addEventListener("change", () => {
      const wanted = Number(choice.value);
      if (wanted < 0) list.filters.axes.delete(column);
      else list.filters.axes.set(column, wanted);
      refilter();
    });
    byId("selects").append(el("label", {}, el("span", {}, axis), choice));
  }
  byId("selects").append(range(), el("button", { type: "button", class: "plain", onclick: clearFilters }, "Clear all filters"));
}

function range() {
  const of = el("select", { "aria-label": "Score of" }, el("option", { value: "0" }, list.questions.sides.length === 2 ? "score A" : "score"));
  if (list.questions.sides.length === 2) of.append(el("option", { value: "1" }, "score B"), el("option", { value: "d" }, "B − A"));
  const ends = ["low", "high"].map((end) => el("input", {
    type: "number", step: "0.05", min: "-1", max: "1", placeholder: end === "low" ? "from" : "to", "aria-label": `Score ${end === "low" ? "from" : "to"}`,
    oninput: (event) => { list.filters[end] = event.target.value === "" ? null : Number(event.target.value); refilter(); },
  }));
  of.addEventListener("change", () => { list.filters.of = of.value; refilter(); });
  return el("div", { class: "range" }, of, ends);
}

function clearFilters() {
  const { filters } = list;
  Object.assign(filters, { words: [], low: null, high: null });
  [...filters.status, filters.change, filters.axes].forEach((each) => each.clear());
  document.querySelectorAll("#filters input").forEach((input) => { input.value = ""; });
  document.querySelectorAll("#selects label select").forEach((choice) => { choice.value = "-1"; });
  document.querySelectorAll(".chip").forEach((chip) => chip.setAttribute("aria-pressed", "false"));
  refilter();
}

function count() {
  const means = list.questions.sides.map((side, run) => {
    const values = list.shown.map((i) => side.score[i]).filter((value) => value !== null);
    const name = list.questions.sides.length === 2 ? `${SIDES[run]} ` : "mean score ";
    return values.length ? `${name}${(values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(3)}` : null;
  });
  const all = list.size.toLocaleString("en"), some = list.shown.length.toLocaleString("en");
  const told = list.shown.length === list.size ? `${all} questions` : `${some} of ${all} questions`;
  byId("count").textContent = [told, ...means.filter(Boolean)].join(" · ");
  const active = list.filters.axes.size + (list.filters.low !== null || list.filters.high !== null);
  byId("active").textContent = active ? `(${active} set)` : "";
}

function paint() {
  const box = byId("list"), rows = byId("rows");
  rows.style.height = `${list.shown.length * ROW}px`;
  const first = Math.max(0, Math.floor(box.scrollTop / ROW) - AHEAD);
  const last = Math.min(list.shown.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + AHEAD);
  rows.replaceChildren();
  for (let place = first; place < last; place++) rows.append(rowOf(place));
  if (!list.shown.length) rows.append(el("p", { class: "hint" }, "No question fits these filters."));
  const active = byId(`row-${list.current}`);
  if (active) box.setAttribute("aria-activedescendant", active.id);
  else box.removeAttribute("aria-activedescendant");
}

function rowOf(place) {
  const i = list.shown[place], q = list.questions;
  const glyphs = q.sides.map((side) => (side.status[i] < 0 ? el("span", { class: "glyph" }, " ") : glyph(STATUSES[side.status[i]][0])));
  const answers = q.sides.map((side, run) => el("span", { class: `said run-${run}` }, textOf(side.answer[i]) || "–"));
  const row = el("div", {
    class: "row", role: "option", id: `row-${i}`, "aria-selected": String(i === list.current),
    "aria-setsize": String(list.shown.length), "aria-posinset": String(place + 1), onclick: () => list.open(i),
  },
  el("span", { class: "glyphs" }, glyphs),
  el("span", { class: "ask" }, textOf(q.question[i])),
  el("span", { class: "meta" }, el("span", { class: "kind" }, textOf(q.kind[i])), answers,
    q.sides.map((side) => (side.dissent[i] ? el("span", { class: "dissent", title: "rollouts that disagree" }, `${side.dissent[i]}/${side.rollouts[i]}`) : null)),
    el("span", { class: "id" }, q.id[i])));
  row.style.transform = `translateY(${place * ROW}px)`;
  return row;
}

/* Have the current row in sight. */
function reveal() {
  const place = list.shown.indexOf(list.current), box = byId("list");
  if (place < 0) return;
  if (place * ROW < box.scrollTop) box.scrollTop = place * ROW;
  else if ((place + 1) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (place + 1) * ROW - box.clientHeight;
}

function select(i) {
  list.current = i;
  reveal();
  paint();
}

function step(by) {
  if (!list.shown.length) return;
  const place = list.shown.indexOf(list.current);
  list.open(list.shown[Math.min(list.shown.length - 1, Math.max(0, place < 0 ? 0 : place + by))]);
}

function find(task, id) {
  const q = list.questions;
  for (let i = 0; i < list.size; i++) if (q.id[i] === id && textOf(q.task[i]) === task) return i;
  return -1;
}
