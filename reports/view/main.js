/* The page: its head, keys, links, and what is open. */

const KEYS = [
  ["j, ↓", "next question"], ["k, ↑", "previous question"], ["/", "search"], ["Esc", "leave the search"],
  ["o", "open or close all rollouts"], ["?", "this window"],
];
let opening = 0;

async function open(i) {
  const turn = ++opening;
  const q = list.questions;
  select(i);
  document.body.classList.remove("listing");
  byId("toggle").setAttribute("aria-expanded", "false");
  const link = anchor(textOf(q.task[i]), q.id[i]);
  if (!same(window.location.hash, q, i)) window.history.replaceState(null, "", link);
  try {
    const parts = await Promise.all(q.sides.map(async (side, run) => (
      side.chunk[i] < 0 ? null : (await load(`${run}-${side.chunk[i]}`))[side.place[i]])));
    if (turn === opening) render(i, parts);
  } catch (error) {
    if (turn === opening) byId("main").replaceChildren(el("p", { class: "fault" }, String(error.message)));
  }
}

function linked(hash) {
  const [, task, id] = /^#([^/]*)\/(.*)$/s.exec(hash) || [];
  return task === undefined ? null : [unescaped(task), unescaped(id)];
}

function same(hash, q, i) {
  const there = linked(hash);
  return Boolean(there) && there[0] === textOf(q.task[i]) && there[1] === q.id[i];
}

function follow() {
  const there = linked(window.location.hash);
  if (!there) return list.current < 0 && list.shown.length ? open(list.shown[0]) : null;
  if (list.current >= 0 && same(window.location.hash, list.questions, list.current)) return null;
  const i = find(...there);
  if (i < 0) {
    byId("main").replaceChildren(el("p", { class: "fault" }, `There is no question ${there[1]} of ${there[0]} in this page.`));
    return null;
  }
  if (!list.shown.includes(i)) clearFilters();
  return open(i);
}

function keys(event) {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "Escape" && typing) { byId("search").blur(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const inList = event.target === byId("list") || event.target === document.body || event.target.id === "main";
  const act = {
    j: () => step(1), k: () => step(-1), "/": () => { document.body.classList.add("listing"); byId("search").focus(); byId("search").select(); },
    "?": help, o: () => document.querySelectorAll(".rollouts .head button").forEach((button) => button.click()),
    ...(inList ? { ArrowDown: () => step(1), ArrowUp: () => step(-1) } : {}),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function help() {
  const about = byId("about");
  const runs = list.index.runs.map((run, number) => el("section", {}, el("h3", {}, list.index.runs.length === 2 ? `${SIDES[number]}: ` : "", run.name),
    el("dl", {}, Object.entries({
      model: run.model || "–", engine: run.engine, voter: run.voter || "–", started: run.started, seed: String(run.seed),
      decoding: Object.entries(run.decoding).map(([name, value]) => `${name} ${value}`).join(", "),
      tasks: run.tasks.map((task) => `${task.title} (version ${task.version}, ${task.frames})`).join("; "),
      probes: run.probes.join(", ") || "–", partial: run.partial ? "yes, some items were left out when it was asked" : "no",
    }).map(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]))));
  about.replaceChildren(el("div", { class: "bar" }, el("b", {}, "About this page"), el("button", { type: "button", class: "plain", onclick: () => about.close() }, "Close")),
    el("dl", {}, KEYS.map(([key, text]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)])), ...runs);
  about.showModal();
}

function head(index) {
  document.title = `Evidence: ${index.runs.map((run) => run.name).join(" and ")}`;
  byId("runs").append(...index.runs.map((run, number) => el("li", {}, el("b", { class: `side run-${number}` }, index.runs.length === 2 ? SIDES[number] : "●"), ` ${run.name} `,
    el("small", {}, [run.model, `n = ${run.decoding.n}`, run.decoding.n > 1 ? run.voter : null, run.partial ? "partial" : null].filter(Boolean).join(", ")))));
}

async function start() {
  let index;
  try {
    index = await load("index");
  } catch (error) {
    byId("main").replaceChildren(el("p", { class: "fault" }, String(error.message)));
    return;
  }
  head(index);
  startList(index, open);
  byId("help").addEventListener("click", help);
  byId("toggle").addEventListener("click", () => byId("toggle").setAttribute("aria-expanded", String(document.body.classList.toggle("listing"))));
  byId("skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
  document.addEventListener("keydown", keys);
  document.addEventListener("scroll", () => { byId("peek").hidden = true; }, { passive: true, capture: true });
  window.addEventListener("hashchange", follow);
  follow();
}

start();
