/* All of one question. */

function contextOf(parts, video) {
  const part = parts.find(Boolean);
  const frames = framesOf(parts);
  const size = part.view ? [part.view.width, part.view.height] : video.size;
  const context = { parts, video, frames, size, sample: part.sample, most: mostOf(parts) };
  context.away = place(frames, parts);
  return context;
}

/* The largest value of each signal here, so that bars compare rollouts. */
function mostOf(parts) {
  const most = new Map();
  for (const part of parts.filter(Boolean)) {
    for (const { prediction } of part.rollouts) {
      for (const [name, value] of Object.entries(prediction ? prediction.signals : {})) most.set(name, Math.max(most.get(name) || 0, value));
    }
  }
  return most;
}

function render(i, parts) {
  const q = list.questions;
  const video = list.index.videos[q.video[i]];
  const context = contextOf(parts, video);
  const pair = parts.length === 2;
  const content = [
    headline(i, context), asked(context),
    el("div", { class: pair ? "columns" : "" }, parts.map((part, run) => verdictCard(part, run, i, context))),
    timelineSection(context),
    context.frames.length ? pictureSection(context) : null,
    el("div", { class: pair ? "columns" : "" }, parts.map((part, run) => (part ? rolloutSection(part, run, context) : el("div", {})))),
    parts.map((part, run) => part && probeSection(part, run, context)),
    furtherSection(context),
  ];
  byId("main").replaceChildren(...content.flat().filter(Boolean));
  byId("main").scrollTop = 0;
}

function headline(i, { sample, video, parts }) {
  const q = list.questions;
  const task = textOf(q.task[i]);
  const title = list.index.runs.flatMap((run) => run.tasks).find((each) => each.name === task);
  const place = list.shown.indexOf(i);
  const link = el("a", { class: "id", href: anchor(task, sample.id), title: "Link to this question" }, sample.id);
  return el("div", { class: "headline" },
    el("nav", { "aria-label": "Questions" },
      el("button", { type: "button", class: "plain", onclick: () => step(-1), "aria-label": "Previous question (k)" }, "←"),
      el("span", {}, place < 0 ? "–" : `${place + 1} / ${list.shown.length}`),
      el("button", { type: "button", class: "plain", onclick: () => step(1), "aria-label": "Next question (j)" }, "→")),
    el("p", { class: "crumbs" }, el("b", {}, title ? title.title : task), el("span", { class: "kind" }, sample.kind), link),
    el("p", { class: "groups" }, el("span", { class: "chiplet" }, video.name),
      Object.entries(sample.groups).map(([axis, value]) => el("span", { class: "chiplet" }, el("small", {}, axis), ` ${value}`)),
      parts.length === 2 && q.change && el("span", { class: `chiplet change ${CHANGES[q.change[i]][0]}` }, `${CHANGES[q.change[i]][1]} ${CHANGES[q.change[i]][0]}`)));
}

function asked({ sample, parts }) {
  const chosen = parts.map((part) => (part && part.vote ? part.vote.answer : null));
  const options = sample.options.map((option, number) => {
    const is = (answer) => answer === letters[number] || (answer !== null && answer === option);
    const by = chosen.map((answer, run) => (is(answer) ? run : -1)).filter((run) => run >= 0);
    const right = is(sample.answer);
    return el("li", { class: `${right ? "ref" : ""} ${by.map((run) => `by-${run}`).join(" ")}` },
      el("b", {}, letters[number] || String(number + 1)), el("span", { class: "text" }, option),
      right && el("span", { class: "badge ref" }, "reference"),
      by.map((run) => el("span", { class: `badge run-${run}` }, parts.length === 2 ? `${SIDES[run]} predicted` : "predicted")));
  });
  return el("div", { class: "asked" }, el("h2", {}, sample.question), options.length ? el("ol", { class: "options" }, options) : null);
}

function verdictCard(part, run, i, context) {
  const { runs } = list.index;
  const name = context.parts.length === 2 ? [el("b", { class: `side run-${run}` }, SIDES[run]), ` ${runs[run].name}`] : [runs[run].name];
  if (!part) return el("section", { class: `verdict run-${run}` }, el("h3", {}, name), el("p", { class: "note" }, "this run has no record of the question"));
  const { sample } = context;
  const values = part.score ? Object.entries(part.score.values) : [];
  const problems = [...(part.vote ? part.vote.problems : []), part.view && part.view.note, part.score && part.score.reason].filter(Boolean);
  return el("section", { class: `verdict run-${run}`, "aria-label": `Verdict of ${runs[run].name}` },
    el("h3", {}, name),
    el("dl", {},
      el("dt", {}, "predicted"), el("dd", { class: "answer" }, glyph(part.status), ` ${answerText(part.vote, sample.options) || (part.error ? "not evaluated" : "abstained")}`),
      el("dt", {}, "reference"), el("dd", { class: "answer" }, textOf(list.questions.reference[i]) || "–")),
    values.length ? el("ul", { class: "values" }, values.map(([metric, value]) => el("li", {}, el("span", {}, metric), el("b", {}, share(value))))) : null,
    part.error && el("p", { class: "fault" }, part.error),
    problems.length ? el("ul", { class: "problems" }, problems.map((problem) => el("li", {}, problem))) : null);
}

function timelineSection(context) {
  const { parts, sample, frames } = context;
  const view = parts.find((part) => part && part.view);
  const times = [...reference(parts).map(([time]) => time), ...frames.map(({ time }) => time), ...(sample.span || [])];
  if (!view && !times.length) return null;
  const start = view ? view.view.start : 0;
  const end = view ? start + view.view.duration : Math.max(...times);
  const rows = [{ label: "reference", class: "ref", spans: sample.span ? [{ span: sample.span, told: "reference" }] : [], marks: reference(parts).map(([time]) => ({ time, told: `reference box, ${seconds(time)}` })) }];
  parts.forEach((part, run) => rows.push(...(part ? runRows(part, run, context) : [])));
  rows.push({ label: "frames", class: "shown", ticks: frames.map(({ time, shown }) => ({ time, extra: !shown, told: `frame at ${seconds(time)}${shown ? "" : ", not shown"}` })) });
  const pick = (time) => { const frame = frames.find((each) => each.time === time); if (frame) goTo(frame); };
  const used = rows.filter((row) => [row.spans, row.ticks, row.marks].some((each) => each && each.length));
  return el("section", { "aria-label": "Timeline" }, el("h3", {}, "Timeline"), timeline({ start, end, rows: used, pick }),
    el("p", { class: "note" }, "bars: spans; ", el("span", { "aria-hidden": "true" }, "◆"), " times that are cited or have a box; ticks: frames"));
}

function runRows(part, run, context) {
  const pair = context.parts.length === 2;
  const name = pair ? `${SIDES[run]} ` : "";
  const marksOf = (evidence) => evidence.filter(({ time }) => time !== null).map((claim) => ({
    time: claim.time, told: `${claim.label}, ${seconds(claim.time)}`,
    act: () => { const frame = cited(context.frames, run, claim.time); if (frame) { point(claim, run, context); goTo(frame); } },
  }));
  const boxes = (said) => timed(said.boxes).map(([time]) => ({ time, told: `predicted box, ${seconds(time)}` }));
  const rows = [];
  if (part.vote) {
    rows.push({ label: `${name}predicted`, class: `run-${run}`, spans: part.vote.span ? [{ span: part.vote.span, told: "predicted" }] : [], marks: boxes(part.vote) });
    rows.push({ label: `${name}cited`, class: `run-${run} cited`, marks: marksOf(part.vote.evidence) });
  }
  if (part.rollouts.length > 1 && part.rollouts.length <= 16) {
    part.rollouts.forEach(({ prediction, won }, place) => prediction && rows.push({
      label: `${name}#${prediction.rollout === null ? place : prediction.rollout}${won ? " (won)" : ""}`, class: `run-${run} minor`, thin: true,
      spans: prediction.span ? [{ span: prediction.span, told: "rollout" }] : [], marks: marksOf(prediction.evidence),
    }));
  }
  return rows;
}

function furtherSection({ sample, parts }) {
  const rows = [];
  parts.forEach((part, run) => {
    if (!part || !part.view) return;
    const { view } = part;
    const name = parts.length === 2 ? `${SIDES[run]} ` : "";
    rows.push([`${name}shown`, `${view.times.length} frames of ${view.size[0]}×${view.size[1]} (video ${view.width}×${view.height}), as ${view.show || "images"}, ${view.family}; ${digits(view.duration, 2)} s${view.start ? ` from ${seconds(view.start)}` : ""}`]);
    rows.push([`${name}took`, `${digits(part.seconds, 2)} s`]);
  });
  rows.push(["item", sample.item]);
  if (sample.answer !== null) rows.push(["reference answer", sample.answer]);
  if (sample.span) rows.push(["reference span", spanText(sample.span)]);
  if (sample.part) rows.push(["part of the video", spanText(sample.part)]);
  const evidence = sample.evidence.map((claim) => `${claim.label} at ${seconds(claim.time)}${claim.box ? ` [${claim.box.map((value) => digits(value, 1)).join(", ")}]` : ""}`);
  if (evidence.length) rows.push(["reference evidence", evidence.join("; ")]);
  return el("details", { class: "further" }, el("summary", {}, "More: what was shown, reference, context"),
    el("dl", {}, rows.map(([term, text]) => [el("dt", {}, term), el("dd", {}, text)])),
    sample.context ? el("pre", { class: "raw" }, sample.context) : null);
}
