/* Rollouts: what was said, what it cites, what it weighs, and which one won. */

const TAGS = /(<\/?(?:think|answer|obj|box|t)>)/;

/* A text with its tags dimmed. */
const plainText = (text) => text.split(TAGS).map((part, odd) => (odd % 2 ? el("span", { class: "tag" }, part) : part));

function mention(part, run, context) {
  const { claim, problems, grade } = part;
  if (!claim) return el("span", { class: "mention lost", title: problems.join("; ") }, plainText(part.text));
  const frame = claim.time === null ? null : cited(context.frames, run, claim.time);
  const told = [claim.label, claim.time === null ? "no time" : `at ${seconds(claim.time)}`, claim.box ? null : "no box", ...problems];
  const node = el("button", {
    type: "button", class: `mention${problems.length ? " odd" : ""}`, title: told.filter(Boolean).join(", "),
    onmouseenter: () => point(claim, run, context, node), onmouseleave: () => unpoint(context),
    onfocus: () => point(claim, run, context, node), onblur: () => unpoint(context),
    onclick: () => frame && goTo(frame),
  }, claim.label, claim.time === null ? null : el("small", {}, seconds(claim.time)),
  grade === undefined || grade === null ? null : el("sup", { title: "graded relevance of the crop" }, grade));
  return node;
}

/* The text as it was written stands behind a switch: mentions are shorter than their tags. */
function saidBlock(said, run, context) {
  const nice = el("p", { class: "said-text" }, said.map((part) => (typeof part === "string" ? plainText(part) : mention(part, run, context))));
  const raw = el("pre", { class: "raw", hidden: true }, said.map((part) => (typeof part === "string" ? part : part.text)).join(""));
  const swap = el("button", {
    type: "button", class: "plain small", "aria-pressed": "false",
    onclick: () => { raw.hidden = !raw.hidden; nice.hidden = !raw.hidden; swap.setAttribute("aria-pressed", String(!raw.hidden)); },
  }, "as written");
  return el("div", { class: "said-block" }, nice, raw, said.length ? swap : el("span", { class: "note" }, "says nothing"));
}

function meter(name, value, most) {
  const fill = el("i", {});
  fill.style.width = `${100 * Math.min(1, Math.max(0, value / (most || 1)))}%`;
  return el("span", { class: "meter", title: `${name} ${digits(value, 4)}` }, `${name} `, el("b", {}, digits(value, 2)), el("span", { class: "bar" }, fill));
}

function gradeList(grades, run, context) {
  if (!grades.length) return null;
  return el("ul", { class: "grades", "aria-label": "Crops that were graded" }, grades.map((grade) => {
    const odds = grade.logprobs ? Object.entries(grade.logprobs).map(([choice, logprob]) => `${choice}: ${(100 * Math.exp(logprob)).toFixed(0)} %`).join(", ") : "";
    const claim = { label: "crop", time: grade.time, box: grade.box };
    const node = el("li", {
      tabindex: "0", title: odds,
      onmouseenter: () => point(claim, run, context, node), onmouseleave: () => unpoint(context),
      onfocus: () => point(claim, run, context, node), onblur: () => unpoint(context),
    }, `crop at ${seconds(grade.time)}: `, el("b", {}, grade.choice === null ? grade.error || "no grade" : grade.choice), odds && el("small", {}, ` (${odds})`));
    return node;
  }));
}

function rollout(part, place, run, context, alone) {
  const { response, prediction } = part;
  const options = context.sample.options;
  const problems = [...(prediction ? prediction.problems : []), response && response.finish !== "stop" ? `finish: ${response.finish}` : null, response && response.error].filter(Boolean);
  const signals = Object.entries(prediction ? prediction.signals : {});
  const head = el("summary", {},
    el("span", { class: "number" }, `#${response ? response.rollout : place}`),
    el("span", { class: `answer ${part.alike ? "" : "other"}` }, answerText(prediction, options) || "abstains"),
    part.won && !alone && el("span", { class: "badge won" }, "won"),
    !part.alike && el("span", { class: "badge" }, "disagrees"),
    problems.length ? el("span", { class: "badge warn" }, `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`) : null,
    el("span", { class: "meters" }, signals.map(([name, value]) => meter(name, value, context.most.get(name)))));
  const cost = response ? [`${response.tokens} tokens`, response.logprob === null ? null : `log p ${digits(response.logprob, 2)}`].filter(Boolean).join(", ") : "";
  const card = el("details", { class: `rollout run-${run}${part.won ? " won" : ""}` }, head,
    saidBlock(part.said, run, context),
    problems.length ? el("ul", { class: "problems" }, problems.map((problem) => el("li", {}, problem))) : null,
    gradeList(part.grades, run, context), cost && el("p", { class: "note" }, cost));
  card.open = part.won || alone || (place === 0 && !context.parts[run].rollouts.some(({ won }) => won));
  return card;
}

function tallyBars(vote, run) {
  if (!vote || !vote.tally) return null;
  const found = Object.entries(vote.tally).sort((one, other) => other[1] - one[1]);
  const most = Math.max(...found.map(([, weight]) => weight), 1e-9);
  return el("div", { class: `tally run-${run}`, role: "group", "aria-label": "Votes" }, found.map(([answer, weight]) => {
    const fill = el("i", {});
    fill.style.width = `${(100 * weight) / most}%`;
    return el("div", {}, el("span", { class: "who" }, answer || "abstained"), el("span", { class: "bar" }, fill), el("b", {}, digits(weight, 3)));
  }));
}

function rolloutSection(part, run, context) {
  const many = part.rollouts.length;
  const cards = part.rollouts.map((each, place) => rollout(each, place, run, context, many === 1));
  const all = many > 1 && el("button", { type: "button", class: "plain small", onclick: () => { const open = cards.some((card) => !card.open); cards.forEach((card) => { card.open = open; }); } }, "open / close all");
  return el("div", { class: "rollouts" }, el("div", { class: "head" },
    el("h3", {}, context.parts.length === 2 ? `${SIDES[run]}: ` : "", many === 1 ? "Reasoning" : `${many} rollouts`), all),
  many > 1 && tallyBars(part.vote, run), cards, many ? null : el("p", { class: "note" }, "no rollouts on record"));
}

function probeSection(part, run, context) {
  if (!part.probes.length) return null;
  const base = context.sample.options;
  const rows = part.probes.map((probe) => {
    const out = new Set(probe.left_out || []);
    const show = (on) => () => context.frames.forEach((frame) => frame.card.classList.toggle("left-out", on && out.has(frame.time)));
    const told = probe.error || answerText(probe.vote, base) || "abstains";
    const score = probe.score ? Object.values(probe.score.values).find((value) => value !== null) : null;
    const frames = probe.left_out === null ? "not on record" : [`${out.size} left out`, probe.put_in.length ? `${probe.put_in.length} put in` : null].filter(Boolean).join(", ");
    return el("tr", { tabindex: "0", onmouseenter: show(true), onmouseleave: show(false), onfocus: show(true), onblur: show(false) },
      el("th", { scope: "row" }, probe.name), el("td", {}, String(probe.draw)), el("td", { class: told === answerText(part.vote, base) ? "" : "other" }, told),
      el("td", {}, share(score === undefined ? null : score)), el("td", {}, frames, el("small", {}, out.size ? ` (${[...out].map(seconds).join(", ")})` : "")));
  });
  return el("section", { class: "probes", "aria-label": "Probes" }, el("h3", {}, context.parts.length === 2 ? `${SIDES[run]}: ` : "", "Probes"),
    el("table", {}, el("thead", {}, el("tr", {}, ["probe", "draw", "answer then", "score", "frames"].map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, rows)));
}
