/* Frames with boxes drawn on them, in pixels of the source video. */

const NEAR = 0.5;

/* The frames of all runs in the order of time: {time, file, told: [by run], shown}. */
function framesOf(parts) {
  const found = new Map();
  parts.forEach((part, run) => {
    for (const { time, told, file } of part ? part.frames : []) {
      const name = file || String(time);
      if (!found.has(name)) found.set(name, { time, file, told: parts.map(() => null), boxes: [] });
      found.get(name).told[run] = told;
    }
  });
  const frames = [...found.values()].sort((one, other) => one.time - other.time);
  for (const frame of frames) frame.shown = frame.told.some((told) => told !== null);
  return frames;
}

function nearest(frames, time, by) {
  let best = null;
  for (const frame of frames) {
    const value = by(frame);
    if (value !== null && (best === null || Math.abs(value - time) < Math.abs(by(best) - time))) best = frame;
  }
  return best;
}

/* The frame that a claim of a run is about: of those shown, the one whose told time is nearest. */
const cited = (frames, run, time) => nearest(frames, time, (frame) => frame.told[run]);

/* Give each frame the boxes that belong on it; the number of those that no frame is near. */
function place(frames, parts) {
  let away = 0;
  const lay = (source, at, layer) => {
    const nearby = new Map();
    for (const [time, box] of source) {
      const frame = at(time);
      const gap = frame && Math.abs(frame.time - time);
      if (!frame || (!layer.cited && gap > NEAR)) { away++; continue; }
      const before = nearby.get(frame);
      if (layer.cited || !before || gap < before.gap) nearby.set(layer.cited ? Symbol(time) : frame, { frame, gap, box, time });
    }
    for (const { frame, box, time } of nearby.values()) frame.boxes.push({ ...layer, box, time });
  };
  const any = (time) => nearest(frames, time, (frame) => frame.time);
  lay(reference(parts), any, { class: "ref", tag: "R", told: "reference" });
  parts.forEach((part, run) => {
    if (!part || !part.vote) return;
    const name = parts.length === 2 ? SIDES[run] : "P";
    lay(timed(part.vote.boxes), any, { class: `run-${run}`, tag: name, told: "predicted" });
    const claims = part.vote.evidence.filter((claim) => claim.box && claim.time !== null);
    for (const claim of claims) {
      lay([[claim.time, claim.box]], (time) => cited(frames, run, time), { class: `run-${run}`, tag: name.toLowerCase(), told: claim.label, cited: true });
    }
  });
  return away;
}

const timed = (boxes) => Object.entries(boxes).map(([time, box]) => [Number(time), box]);

function reference(parts) {
  const { sample } = parts.find(Boolean);
  const boxes = timed(sample.boxes);
  return boxes.length ? boxes : sample.evidence.filter((claim) => claim.box && claim.time !== null).map((claim) => [claim.time, claim.box]);
}

function overlay([width, height], boxes, letters) {
  const picture = svg("svg", { class: "overlay", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  boxes.forEach((each) => picture.append(drawBox(each, width, height, letters)));
  return picture;
}

/* Letters stand in corners of their own, so that boxes on each other can be told apart; what is only cited has a small one. */
const CORNERS = { R: [0, 0], P: [1, 1], p: [0, 1], A: [1, 1], a: [0, 1], B: [1, 0], b: [1, 0] };
const LETTER = 0.075;

function drawBox({ class: name, tag, told, box, time, cited: dashed }, width, height, letters = LETTER) {
  const [x1, y1, x2, y2] = box;
  const shape = { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) };
  return svg("g", { class: `box ${name}${dashed ? " cited" : ""}` },
    svg("title", {}, `${told}, ${seconds(time)}`),
    svg("rect", { ...shape, class: "halo" }), svg("rect", shape), tag && letter(tag, shape, width, height, height * letters));
}

function letter(tag, shape, width, height, size) {
  const [right, low] = CORNERS[tag];
  const inside = (value, most) => Math.min(most, Math.max(0, value));
  const y = low ? inside(shape.y + shape.height + size * 0.95, height - 2) : Math.max(size, inside(shape.y - size * 0.25, height));
  return svg("text", { x: inside(shape.x + right * shape.width, width - 1), y, "font-size": size, "text-anchor": right ? "end" : "start" }, tag);
}

/* A picture, or in its place why there is none. */
function picture(frame, video, size, boxes, letters) {
  const holder = el("span", { class: "picture" });
  holder.style.aspectRatio = size ? `${size[0]} / ${size[1]}` : "16 / 9";
  const instead = (why) => holder.prepend(el("span", { class: "gone" }, why));
  const known = /^[0-9a-f]{16}\/\d+\.webp$/.test(frame.file);
  const source = single ? pictures.get(frame.file) : `frames/${frame.file}`;
  if (!list.index.frames) instead("frames were left out of this page (--no-frames)");
  else if (video.error && !video.size) instead(video.error);
  else if (!known) instead("there is no such time in a video");
  else if (!source) instead(video.error || "this picture could not be made");
  else {
    const image = el("img", { src: source, alt: `Frame at ${seconds(frame.time)}`, loading: "lazy", decoding: "async", draggable: "false" });
    image.addEventListener("error", () => { image.remove(); instead(video.error || "this picture is missing; write the page again"); });
    holder.append(image);
  }
  if (size) holder.append(overlay(size, boxes, letters));
  return holder;
}

function frameCard(frame, context) {
  const { video, size, parts } = context;
  const badges = [];
  if (!frame.shown) badges.push(el("span", { class: "badge" }, "not shown"));
  else if (parts.length === 2 && frame.told.includes(null) && parts.every(Boolean)) badges.push(el("span", { class: "badge" }, `${SIDES[frame.told.findIndex((told) => told !== null)]} only`));
  const told = frame.told.find((time) => time !== null);
  const retimed = told !== undefined && Math.abs(told - frame.time) > 0.01 ? ` (told ${seconds(told)})` : "";
  const card = el("button", {
    type: "button", class: `shot${frame.shown ? "" : " extra"}`, "aria-label": `Frame at ${seconds(frame.time)}, enlarge`,
    onclick: () => enlarge(frame, context),
  }, picture(frame, video, size, frame.boxes), el("span", { class: "caption" }, seconds(frame.time), retimed, badges));
  frame.card = card;
  return card;
}

function pictureSection(context) {
  const { frames, parts, away } = context;
  const shown = frames.filter((frame) => frame.shown).length;
  const notes = [`${shown} ${shown === 1 ? "frame" : "frames"} shown`];
  if (frames.length > shown) notes.push(`${frames.length - shown} more at seconds of boxes`);
  if (away) notes.push(`${away} boxes at seconds that no picture is near`);
  const strip = el("div", { class: frames.length > 12 ? "strip many" : "strip" }, frames.map((frame) => frameCard(frame, context)));
  return el("section", { "aria-label": "Frames" },
    el("div", { class: "head" }, el("h3", {}, "Frames"), el("span", { class: "note" }, notes.join("; ")), legend(strip, parts)), strip);
}

function legend(strip, parts) {
  const layers = [["ref", "reference"]];
  parts.forEach((part, run) => {
    const name = parts.length === 2 ? `${SIDES[run]}: ` : "";
    layers.push([`run-${run}`, `${name}predicted`], [`run-${run} cited`, `${name}cited`]);
  });
  return el("span", { class: "legend" }, layers.map(([name, title]) => {
    const drawn = strip.querySelectorAll(`.box${name.split(" ").map((each) => `.${each}`).join("")}${name.includes("cited") ? "" : ":not(.cited)"}`);
    if (!drawn.length) return null;
    const tick = el("input", { type: "checkbox", onchange: () => drawn.forEach((each) => each.classList.toggle("off", !tick.checked)) });
    tick.checked = true;
    return el("label", {}, tick, el("i", { class: `key ${name}` }), title);
  }));
}

/* Show a claim on its frame: in the strip, and in a small picture beside the pointer. */
function point(claim, run, context, node) {
  unpoint(context);
  if (!claim || claim.time === null) return;
  const frame = cited(context.frames, run, claim.time);
  if (!frame) return;
  const hot = claim.box ? { class: "hot", tag: "", told: claim.label, box: claim.box, time: claim.time } : null;
  frame.card.classList.add("hot");
  const over = frame.card.querySelector(".overlay");
  if (hot && over) over.append(drawBox(hot, ...context.size));
  if (!node) return;
  const peek = byId("peek");
  const gap = Math.abs(frame.told[run] - claim.time);
  peek.replaceChildren(picture(frame, context.video, context.size, hot ? [hot] : []),
    el("span", { class: "caption" }, `${claim.label}: cited at ${seconds(claim.time)}, frame at ${seconds(frame.told[run])}${gap > 2 ? ", far away" : ""}`));
  peek.hidden = false;
  const at = node.getBoundingClientRect();
  const left = Math.min(window.innerWidth - peek.offsetWidth - 12, Math.max(12, at.left));
  const below = at.bottom + 8 + peek.offsetHeight < window.innerHeight;
  peek.style.left = `${left}px`;
  peek.style.top = `${below ? at.bottom + 8 : Math.max(8, at.top - peek.offsetHeight - 8)}px`;
}

function unpoint({ frames }) {
  byId("peek").hidden = true;
  for (const { card } of frames) {
    card.classList.remove("hot");
    card.querySelectorAll(".box.hot").forEach((box) => box.remove());
  }
}

function goTo(frame) {
  frame.card.scrollIntoView({ block: "center", behavior: "smooth" });
  frame.card.focus({ preventScroll: true });
}

function enlarge(frame, context) {
  const zoom = byId("zoom");
  const move = (by) => {
    const place = context.frames.indexOf(frame) + by;
    if (context.frames[place]) { frame = context.frames[place]; fill(); }
  };
  const fill = () => zoom.replaceChildren(
    el("div", { class: "bar" }, el("b", {}, `${seconds(frame.time)}${frame.shown ? "" : ", not shown to the model"}`),
      el("button", { type: "button", class: "plain", "aria-label": "Earlier frame", onclick: () => move(-1) }, "←"),
      el("button", { type: "button", class: "plain", "aria-label": "Later frame", onclick: () => move(1) }, "→"),
      el("button", { type: "button", class: "plain", onclick: () => zoom.close() }, "Close")),
    picture(frame, context.video, context.size, frame.boxes, LETTER / 2.5),
    el("ul", { class: "boxes" }, frame.boxes.map((each) => el("li", {}, el("i", { class: `key ${each.class}${each.cited ? " cited" : ""}` }),
      `${each.tag} ${each.told}, ${seconds(each.time)}: [${each.box.map((value) => digits(value, 1)).join(", ")}]`))));
  zoom.onkeydown = (event) => {
    if (event.key === "ArrowLeft") move(-1);
    else if (event.key === "ArrowRight") move(1);
  };
  fill();
  zoom.showModal();
}
