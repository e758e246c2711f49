// The lanes of one run on a canvas: nodes, below each its tasks, and what they did.

const GUTTER = 176;
const HEAD = 22;
const ROW = 17;

/** Colours and sizes of the style sheet, read once for each theme. */
class Style {
  constructor() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const names = ["ground", "raised", "line", "ink", "faint", "accent", "poll", "event", "message", "lost"];
    for (const name of [...names, "fault", "cancel", "preempt", "log", "act", "fails", "passes", "match"]) {
      this[name] = colour(name);
    }
    this.edge = colour("poll-edge");
    this.ofCategory = data.categories.map(([name]) => categoryColour(this, name));
  }
}

function categoryColour(style, name) {
  switch (name) {
    case "poll": return style.edge;
    case "operation": return style.event;
    case "task": return style.ink;
    case "time": return style.faint;
    case "choice": return style.line;
    default: return style[name];
  }
}

class Lanes {
  constructor(model, number, canvas) {
    this.model = model;
    this.number = number;
    this.run = model.runs[number];
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.scrolled = 0;
    this.drawn = 0;
    this.layout();
  }

  /** Gives every node and every task its row. */
  layout() {
    const { run, model } = this;
    const inWorld = run.node.includes(0);
    const ofNode = run.nodes.map(() => []);
    run.tasks.forEach(([node], task) => ofNode[node]?.push(task));
    const used = new Uint8Array(run.nodes.length + 1);
    for (const node of run.node) used[node] = 1;
    for (const node of run.also.values()) used[node + 1] = 1;
    this.rows = [];
    let top = 0;
    const add = (row, height) => {
      this.rows.push({ ...row, top, height });
      top += height;
      return this.rows.length - 1;
    };
    const world = inWorld ? add({ name: "time and links", node: -1, isHead: true }, HEAD) : 0;
    this.nodeRow = new Int32Array(run.nodes.length + 1).fill(-1);
    this.nodeRow[0] = world;
    this.taskRow = new Int32Array(run.tasks.length + 1).fill(-1);
    run.nodes.forEach((name, node) => {
      if (used[node + 1] === 0 && ofNode[node].length === 0) return;
      if (model.onlyNode !== "" && model.onlyNode !== name) return;
      const isClosed = model.collapsed.has(name);
      const count = ofNode[node].length;
      const head = add({ name, node, isHead: true, isClosed, count }, HEAD);
      this.nodeRow[node + 1] = head;
      for (const task of ofNode[node]) {
        const label = run.tasks[task][1];
        const short = label.startsWith(`${name}/`) ? label.slice(name.length + 1) : label;
        this.taskRow[task + 1] = isClosed ? head : add({ name: short, node, isHead: false }, ROW);
      }
    });
    this.height = top;
    this.row = new Int32Array(run.count);
    for (let entry = 0; entry < run.count; entry += 1) {
      const task = run.task[entry];
      this.row[entry] = task === 0 ? this.nodeRow[run.node[entry]] : this.taskRow[task];
    }
    this.revision = -1;
  }

  rowOf(entry) {
    return this.row[entry];
  }

  /** Learns which entries are drawn, once for each change of what is shown. */
  sift() {
    const { run, model } = this;
    if (this.revision === model.revision) return;
    this.revision = model.revision;
    this.shown = new Uint8Array(run.count);
    for (let entry = 0; entry < run.count; entry += 1) {
      if (this.row[entry] >= 0 && model.isShown(run, entry)) this.shown[entry] = 1;
    }
  }

  resize() {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    this.visible = canvas.clientHeight;
    const [width, height] = [Math.round(this.width * ratio), Math.round(this.visible * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.scroll(0);
  }

  scroll(by) {
    this.scrolled = Math.max(0, Math.min(this.scrolled + by, this.height - this.visible));
  }

  /** Scrolls until an entry's row is seen. */
  reveal(entry) {
    const row = this.rows[this.rowOf(entry)];
    if (row === undefined) return;
    if (row.top < this.scrolled) this.scroll(row.top - this.scrolled);
    const below = row.top + row.height - this.scrolled - this.visible;
    if (below > 0) this.scroll(below);
  }

  /** Pixels for a value of the axis. */
  scale() {
    return (this.width - GUTTER) / (this.model.to - this.model.from);
  }

  /** Where a value is, as it was drawn last. */
  x(value) {
    return GUTTER + (value - this.start) * this.factor;
  }

  value(x) {
    return this.model.from + (x - GUTTER) / this.scale();
  }

  middle(row) {
    const { top, height } = this.rows[row];
    return top + height / 2 - this.scrolled;
  }

  draw(style) {
    const { context, run, model } = this;
    this.drawn = 0;
    this.start = model.from;
    this.factor = this.scale();
    this.sift();
    context.fillStyle = style.ground;
    context.fillRect(0, 0, this.width, this.visible);
    this.drawRows(style);
    const along = run.along(model.axis);
    // A poll may have begun before the view, and a message may end in it.
    const first = firstFrom(along, model.from);
    const last = firstFrom(along, model.to + 1e-9);
    context.save();
    context.beginPath();
    context.rect(GUTTER, 0, this.width - GUTTER, this.visible);
    context.clip();
    this.drawParting(style, along);
    this.drawSpans(style, along, first, last);
    this.drawArrows(style, along, first, last);
    this.drawEntries(style, along, first, last);
    this.drawMarks(style, along);
    context.restore();
    this.drawLabels(style);
  }

  drawRows(style) {
    const { context } = this;
    for (const row of this.rows) {
      const top = row.top - this.scrolled;
      if (top > this.visible || top + row.height < 0) continue;
      if (row.isHead) {
        context.fillStyle = style.raised;
        context.fillRect(0, top, this.width, row.height);
      }
      context.fillStyle = style.line;
      context.fillRect(0, top + row.height - 0.5, this.width, 0.5);
    }
  }

  drawParting(style, along) {
    const { context, model } = this;
    const { parting } = model;
    if (parting === null || parting >= along.length) return;
    const x = this.x(along[parting]) - (model.axis === "events" ? this.scale() / 2 : 0);
    context.fillStyle = style.accent;
    context.globalAlpha = 0.07;
    context.fillRect(x, 0, this.width - x, this.visible);
    context.globalAlpha = 1;
    context.fillRect(x - 0.75, 0, 1.5, this.visible);
  }

  drawSpans(style, along, first, last) {
    const { context, run, model } = this;
    if (model.hidden.has(CATEGORY.poll)) return;
    const starts = new Float64Array(this.rows.length);
    const ends = new Float64Array(this.rows.length).fill(-Infinity);
    const fill = (row) => {
      const y = this.middle(row);
      if (y < -ROW || y > this.visible + ROW || ends[row] < starts[row]) return;
      context.fillRect(starts[row], y - 6, ends[row] - starts[row], 12);
    };
    const half = model.axis === "events" ? this.scale() / 2 : 0;
    context.fillStyle = style.poll;
    // The poll that is cut off at the left is not far.
    let from = first;
    while (from > 0 && first - from < 5000 && run.category[from] !== CATEGORY.poll) from -= 1;
    for (let entry = from; entry < last; entry += 1) {
      if (run.category[entry] !== CATEGORY.poll || this.shown[entry] === 0) continue;
      const row = this.row[entry];
      const left = Math.max(this.x(along[entry]) - half, GUTTER);
      const right = Math.max(this.x(along[run.spans[entry]]) + half, left + 1);
      // What cannot be told apart is one bar.
      if (left - ends[row] > 0.5) {
        fill(row);
        starts[row] = left;
      }
      ends[row] = Math.max(ends[row], right);
    }
    for (let row = 0; row < this.rows.length; row += 1) fill(row);
  }

  drawArrows(style, along, first, last) {
    const { context, run, model } = this;
    if (model.hidden.has(CATEGORY.message)) return;
    const seen = new Float64Array(this.rows.length * this.rows.length).fill(-Infinity);
    const isDense = this.isDense(first, last);
    context.strokeStyle = style.message;
    context.fillStyle = style.message;
    context.lineWidth = 1.2;
    context.beginPath();
    const heads = [];
    for (const entry of run.arrows) {
      const sent = run.cause[entry];
      if (sent >= last) break;
      if (entry < first || this.shown[entry] + this.shown[sent] === 0) continue;
      const from = this.row[sent];
      const to = this.row[entry];
      if (from < 0 || to < 0) continue;
      // As many as can be told apart.
      const x1 = this.x(along[sent]);
      const way = from * this.rows.length + to;
      if (x1 - seen[way] < (isDense ? 9 : 1.5)) continue;
      seen[way] = x1;
      const x2 = this.x(along[entry]);
      const y1 = this.middle(from);
      const y2 = this.middle(to);
      if (isDense && x2 - x1 < 3) {
        // A path of thousands of lines takes long.
        context.globalAlpha = 0.3;
        context.fillRect(x1, Math.min(y1, y2), 1, Math.abs(y2 - y1));
        continue;
      }
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
      heads.push(x1, y1, x2, y2);
    }
    context.globalAlpha = isDense ? 0.3 : 0.85;
    context.stroke();
    context.beginPath();
    for (let at = 0; at < heads.length; at += 4) {
      arrowHead(context, heads[at], heads[at + 1], heads[at + 2], heads[at + 3]);
    }
    context.fill();
    context.globalAlpha = 1;
  }

  /** Whether there is less room than the entries take. */
  isDense(first, last) {
    return last - first > (this.width - GUTTER) / 2;
  }

  drawEntries(style, along, first, last) {
    // What is rare and matters lies above the rest.
    const matters = new Set(["lost", "fault", "cancel", "preempt", "log", "act"].map((name) => CATEGORY[name]));
    const isDense = this.isDense(first, last);
    if (isDense) this.drawBars(style, along, first, last, matters);
    else this.drawSome(style, along, first, last, (category) => !matters.has(category), 1);
    this.drawSome(style, along, first, last, (category) => matters.has(category), isDense ? 11 : 1);
  }

  /** Draws the entries of the other categories where they cannot be told apart: as bars. */
  drawBars(style, along, first, last, others) {
    const { context, run } = this;
    const categories = data.categories.length;
    const isBar = data.categories.map((_, category) => category !== CATEGORY.poll && !others.has(category));
    const starts = new Float64Array(this.rows.length * categories);
    const ends = new Float64Array(this.rows.length * categories).fill(-Infinity);
    const fill = (key) => {
      if (ends[key] < starts[key]) return;
      const y = this.middle(Math.floor(key / categories));
      if (y < -ROW || y > this.visible + ROW) return;
      context.fillStyle = style.ofCategory[key % categories];
      context.fillRect(starts[key], y - 4, ends[key] - starts[key], 8);
    };
    const matches = [];
    for (let entry = first; entry < last; entry += 1) {
      const category = run.category[entry];
      if (!isBar[category] || this.shown[entry] === 0) continue;
      this.drawn += 1;
      const x = this.x(along[entry]);
      if (run.matches !== null && run.matches[entry] === 1) matches.push(x, this.row[entry]);
      const key = this.row[entry] * categories + category;
      if (x - ends[key] > 1) {
        fill(key);
        starts[key] = x - 0.75;
      }
      ends[key] = x + 0.75;
    }
    for (let key = 0; key < ends.length; key += 1) fill(key);
    context.fillStyle = style.match;
    let before = -Infinity;
    for (let at = 0; at < matches.length; at += 2) {
      if (matches[at] === before) continue;
      before = matches[at];
      context.fillRect(before - 1.5, this.middle(matches[at + 1]) - 7, 3, 14);
    }
  }

  /** Draws the entries of some categories, of each in each row at most one in `gap` pixels. */
  drawSome(style, along, first, last, isOne, gap) {
    const { context, run } = this;
    const categories = data.categories.length;
    const wanted = data.categories.map((_, category) => category !== CATEGORY.poll && isOne(category));
    const seen = new Float64Array(this.rows.length * categories).fill(-Infinity);
    const size = Math.max(1.5, Math.min(3.5, this.scale() * 0.4));
    let colour = -1;
    for (let entry = first; entry < last; entry += 1) {
      const category = run.category[entry];
      if (!wanted[category] || this.shown[entry] === 0) continue;
      const row = this.row[entry];
      const x = this.x(along[entry]);
      const key = row * categories + category;
      const isMatch = run.matches !== null && run.matches[entry] === 1;
      if (x - seen[key] < (isMatch ? 1 : gap)) continue;
      seen[key] = x;
      const y = this.middle(row);
      if (y < -ROW || y > this.visible + ROW) continue;
      if (isMatch) {
        context.fillStyle = style.match;
        context.fillRect(x - size - 2, y - 7, 2 * size + 4, 14);
        colour = -1;
      }
      if (colour !== category) {
        context.fillStyle = style.ofCategory[category];
        colour = category;
      }
      this.drawn += 1;
      drawMark(context, category, x, y, size);
      const other = run.also.get(entry);
      if (other !== undefined && this.nodeRow[other + 1] >= 0) {
        const end = this.middle(this.nodeRow[other + 1]);
        context.globalAlpha = gap > 1 ? 0.5 : 1;
        context.fillRect(x - 0.75, Math.min(y, end), 1.5, Math.abs(end - y));
        context.globalAlpha = 1;
        drawMark(context, category, x, end, size);
      }
    }
  }

  /** What stands out: choices that differ from calm, the end, the selected entry. */
  drawMarks(style, along) {
    const { context, run, model } = this;
    for (const entry of run.changed) {
      const row = this.rowOf(entry);
      if (row < 0) continue;
      const [x, y] = [this.x(along[entry]), this.middle(row)];
      if (x < GUTTER - 10 || x > this.width + 10) continue;
      context.strokeStyle = style.ofCategory[run.category[entry]];
      if (run.category[entry] === CATEGORY.choice) context.strokeStyle = style.preempt;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x, y, 6.5, 0, 2 * Math.PI);
      context.stroke();
    }
    if (run.count > 0) {
      const x = this.x(along[run.count - 1]) + 5;
      context.fillStyle = run.fails ? style.fails : style.passes;
      context.fillRect(x, 0, 2, this.visible);
    }
    const { selected } = model;
    if (selected?.run !== this.number) return;
    const row = this.rowOf(selected.entry);
    const x = this.x(along[selected.entry]);
    context.fillStyle = style.accent;
    context.fillRect(x - 0.5, 0, 1, this.visible);
    if (row < 0) return;
    const y = this.middle(row);
    const cause = run.cause[selected.entry];
    if (cause >= 0 && this.rowOf(cause) >= 0) {
      context.strokeStyle = style.accent;
      context.setLineDash([4, 3]);
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(this.x(along[cause]), this.middle(this.rowOf(cause)));
      context.lineTo(x, y);
      context.stroke();
      context.setLineDash([]);
    }
    context.strokeStyle = style.accent;
    context.lineWidth = 2;
    context.strokeRect(x - 7, y - 8, 14, 16);
  }

  drawLabels(style) {
    const { context } = this;
    context.fillStyle = style.ground;
    context.fillRect(0, 0, GUTTER, this.visible);
    for (const row of this.rows) {
      const top = row.top - this.scrolled;
      if (top > this.visible || top + row.height < 0) continue;
      if (row.isHead) {
        context.fillStyle = style.raised;
        context.fillRect(0, top, GUTTER, row.height);
      }
      context.fillStyle = row.isHead ? style.ink : style.faint;
      context.font = `${row.isHead ? "600 12.5px" : "12px"} system-ui, sans-serif`;
      context.textBaseline = "middle";
      const sign = row.count > 0 ? (row.isClosed ? "\u25b8 " : "\u25be ") : "";
      const indent = row.isHead ? 8 : 22;
      const text = fitting(context, sign + row.name, GUTTER - indent - 6);
      context.fillText(text, indent, top + row.height / 2 + 0.5);
    }
    context.fillStyle = style.line;
    context.fillRect(GUTTER - 1, 0, 1, this.visible);
  }

  /** The row at a height of the canvas. */
  rowAt(y) {
    const at = y + this.scrolled;
    return this.rows.findIndex((row) => at >= row.top && at < row.top + row.height);
  }

  /** The entry that is drawn at a point, or the nearest one in its row; -1: none. */
  entryAt(x, y) {
    const { run, model } = this;
    const row = this.rowAt(y);
    const along = run.along(model.axis);
    const reach = 7 / this.scale();
    const value = this.value(x);
    let [best, distance] = [-1, Infinity];
    const last = firstFrom(along, value + reach);
    for (let entry = firstFrom(along, value - reach); entry < last; entry += 1) {
      if (this.rowOf(entry) !== row || !model.isShown(run, entry)) continue;
      // A poll is behind what was done in it.
      const away = Math.abs(along[entry] - value) * this.scale() + (run.category[entry] === CATEGORY.poll ? 2 : 0);
      if (away < distance) [best, distance] = [entry, away];
    }
    if (best >= 0) return best;
    // Inside of a poll.
    for (let entry = Math.min(last, run.count) - 1, tried = 0; entry >= 0 && tried < 5000; entry -= 1, tried += 1) {
      if (run.category[entry] !== CATEGORY.poll || this.rowOf(entry) !== row) continue;
      const isInside = along[run.spans[entry]] + 0.5 >= value && model.isShown(run, entry);
      return isInside ? entry : -1;
    }
    return -1;
  }
}

function drawMark(context, category, x, y, size) {
  switch (category) {
    case CATEGORY.fault:
    case CATEGORY.lost: // a cross
      context.fillRect(x - 1, y - 7, 2, 14);
      context.fillRect(x - 4, y - 1, 8, 2);
      break;
    case CATEGORY.cancel:
    case CATEGORY.preempt: // a triangle that points down
      context.beginPath();
      context.moveTo(x - 5, y - 5);
      context.lineTo(x + 5, y - 5);
      context.lineTo(x, y + 5);
      context.fill();
      break;
    case CATEGORY.log: // a diamond
      context.beginPath();
      context.moveTo(x, y - 5);
      context.lineTo(x + 4, y);
      context.lineTo(x, y + 5);
      context.lineTo(x - 4, y);
      context.fill();
      break;
    case CATEGORY.act:
      context.fillRect(x - 2, y - 8, 4, 16);
      break;
    case CATEGORY.time:
      context.fillRect(x - 0.5, y - 6, 1, 12);
      break;
    case CATEGORY.choice:
      context.fillRect(x - size / 2, y + 3, size, 4);
      break;
    default:
      context.fillRect(x - size / 2, y - 4, size, 8);
  }
}

function arrowHead(context, x1, y1, x2, y2) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  if (length < 1) return;
  const [dx, dy] = [(x2 - x1) / length, (y2 - y1) / length];
  context.moveTo(x2, y2);
  context.lineTo(x2 - 7 * dx - 3 * dy, y2 - 7 * dy + 3 * dx);
  context.lineTo(x2 - 7 * dx + 3 * dy, y2 - 7 * dy - 3 * dx);
  context.closePath();
}

const widths = new Map();

/** `text`, or as much of its end as fits: names of tasks differ there. */
function fitting(context, text, width) {
  const key = `${context.font}|${width}|${text}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  let short = text;
  while (context.measureText(short).width > width && short.length > 2) {
    short = `\u2026${short.slice(short.startsWith("\u2026") ? 2 : 1)}`;
  }
  widths.set(key, short);
  return short;
}
