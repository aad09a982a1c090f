"use strict";

/* Data and elements. Texts reach the page as text nodes alone: no markup is ever made from data. */

const store = new Map();
const waiting = new Map();
const KEPT = 24;
const chunkUrl = (name) => {
  if (!/^[0-9a-z-]+$/.test(name)) throw new TypeError("no such file of data");
  return `data/${name}.js`;
};
const trusted = window.trustedTypes
  ? window.trustedTypes.createPolicy("chunk", { createScriptURL: chunkUrl })
  : { createScriptURL: chunkUrl };

for (const block of document.querySelectorAll("script[data-name]")) {
  store.set(block.dataset.name, JSON.parse(block.textContent));
}
const single = store.has("index");
const pictures = new Map(Object.entries(store.get("pictures") || {}));

/* Called by the files in data/. */
function put(name, text) {
  store.set(name, JSON.parse(text));
}

function load(name) {
  if (store.has(name)) return Promise.resolve(store.get(name));
  if (!waiting.has(name)) {
    waiting.set(name, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const end = (act) => () => { waiting.delete(name); script.remove(); act(); };
      script.onload = end(() => (store.has(name) ? resolve(store.get(name)) : reject(new Error(`data/${name}.js is damaged`))));
      script.onerror = end(() => reject(new Error(`data/${name}.js cannot be read; write the page again with harness view`)));
      script.src = trusted.createScriptURL(name);
      document.head.append(script);
    }));
    forget();
  }
  return waiting.get(name);
}

/* The files of data that were read first go when there are many. */
function forget() {
  if (single) return;
  const names = [...store.keys()].filter((name) => name !== "index");
  for (const name of names.slice(0, Math.max(0, names.length - KEPT))) store.delete(name);
}

/* el("p", {class: "note"}, "text", child): strings become text; only the attributes named by the code are set. */
function el(tag, attributes, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dress(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const byId = (id) => document.getElementById(id);
const SIDES = ["A", "B"];

const STATUSES = [
  ["right", "✓"], ["partly", "◐"], ["wrong", "✗"], ["abstained", "∅"], ["unscored", "–"], ["error", "!"],
];
const CHANGES = [["fixed", "↑"], ["broken", "↓"], ["changed", "≠"], ["same", "="], ["unpaired", "·"]];
const CHANGE_WORDS = {
  fixed: "a higher score in B", broken: "a lower score in B", changed: "another answer, the same score",
  same: "the same answer and score", unpaired: "in one run only, or not scored in one",
};

function glyph(status) {
  const found = STATUSES.find(([word]) => word === status) || ["", "?"];
  return el("span", { class: `glyph ${found[0]}`, title: found[0], role: "img", "aria-label": found[0] }, found[1]);
}

/* Numbers as they are told. */
const digits = (value, most) => String(Number(Number(value).toFixed(most)));
const seconds = (time) => (time === null || time === undefined ? "?" : `${digits(time, 2)} s`);
const share = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));
const spanText = (span) => `${digits(span[0], 2)} to ${digits(span[1], 2)} s`;
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

function answerText(said, options) {
  if (!said) return "";
  const parts = [];
  if (said.answer !== null) {
    const number = said.answer.length === 1 ? letters.indexOf(said.answer) : -1;
    parts.push(number >= 0 && number < options.length ? `${said.answer}. ${options[number]}` : said.answer);
  }
  if (said.span) parts.push(spanText(said.span));
  const boxes = Object.keys(said.boxes).length;
  if (boxes) parts.push(`${boxes} ${boxes === 1 ? "box" : "boxes"}`);
  return parts.join(" · ");
}

/* index.html#TASK/SAMPLE_ID, both percent-encoded. */
const anchor = (task, id) => `#${encodeURIComponent(task)}/${encodeURIComponent(id)}`;

function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
