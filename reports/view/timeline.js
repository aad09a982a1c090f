/* The timeline: what was shown, what is true, what was said, over the seconds of the video. */

const GUTTER = 132;
const LINE = 20;

function timeline(told) {
  const box = el("div", { class: "timeline" });
  const draw = () => {
    const width = Math.max(320, Math.floor(box.clientWidth));
    box.replaceChildren(drawn(told, width));
  };
  let before = 0;
  new ResizeObserver(() => {
    if (box.clientWidth && box.clientWidth !== before) { before = box.clientWidth; draw(); }
  }).observe(box);
  return box;
}

/* Rows of {label, class, spans, ticks, marks}; whatever lies outside is drawn at the edge. */
function drawn({ start, end, rows, pick }, width) {
  const room = width - GUTTER - 14;
  const at = (time) => GUTTER + room * Math.min(1, Math.max(0, (time - start) / Math.max(end - start, 1e-9)));
  const height = rows.length * LINE + 26;
  const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Timeline of the video" });
  for (const time of steps(start, end, Math.max(2, Math.floor(room / 90)))) {
    picture.append(svg("line", { class: "grid", x1: at(time), x2: at(time), y1: 0, y2: height - 20 }),
      svg("text", { class: "axis", x: at(time), y: height - 6, "text-anchor": "middle" }, seconds(time)));
  }
  rows.forEach((row, number) => {
    const top = number * LINE, middle = top + LINE / 2;
    const group = svg("g", { class: row.class });
    group.append(svg("text", { class: "label", x: GUTTER - 10, y: middle + 4, "text-anchor": "end" }, svg("title", {}, row.label), row.label.slice(0, 20)));
    for (const { span, told } of row.spans || []) {
      const [left, right] = [Math.min(...span), Math.max(...span)].map(at);
      const odd = span[1] < span[0];
      group.append(svg("rect", { class: odd ? "span odd" : "span", x: left, width: Math.max(2, right - left), y: top + (row.thin ? 7 : 4), height: LINE - (row.thin ? 14 : 8), rx: 2 },
        svg("title", {}, `${told}: ${spanText(span)}${odd ? ", which ends before it starts" : ""}`)));
    }
    for (const { time, told, extra } of row.ticks || []) {
      const tick = svg("rect", { class: extra ? "tick extra" : "tick", x: at(time) - 1.5, y: top + 4, width: 3, height: LINE - 8 }, svg("title", {}, told));
      if (pick) tick.addEventListener("click", () => pick(time));
      group.append(tick);
    }
    for (const { time, told, act } of row.marks || []) {
      const x = at(time);
      const mark = svg("path", { class: "mark", d: `M${x} ${middle - 6}l5 6l-5 6l-5 -6z` }, svg("title", {}, told));
      if (act) mark.addEventListener("click", act);
      group.append(mark);
    }
    picture.append(group);
  });
  return picture;
}

/* Round times, about so many. */
function steps(start, end, most) {
  const rough = Math.max(end - start, 1e-6) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((by) => by * power).find((by) => by >= rough);
  const found = [];
  for (let time = Math.ceil(start / size) * size; time <= end + size / 1e6 && found.length < 60; time += size) found.push(time);
  return found;
}
