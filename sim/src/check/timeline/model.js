"use strict";
// The runs as columns of numbers, and what is looked at of them. Knows nothing of how it is drawn.

/** What stands in the page. */
const data = JSON.parse(document.getElementById("data").textContent);

/** The numbers of the categories by their names. */
const CATEGORY = Object.fromEntries(data.categories.map(([name], number) => [name, number]));

/** The first index of the sorted `column` whose value is at least `value`. */
function firstFrom(column, value) {
  let [low, high] = [0, column.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Nanoseconds as seconds, with as many digits as `step` needs. */
function seconds(ns, step = 1) {
  const digits = Math.max(0, Math.min(9, 9 - Math.floor(Math.log10(Math.max(step, 1)))));
  return `${(ns / 1e9).toFixed(digits)} s`;
}

function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** One run: for each entry, a number in each column. */
class Run {
  constructor(table) {
    const count = table.time.length;
    this.count = count;
    this.fails = table.fails;
    this.skipped = table.skipped;
    this.nodes = table.nodes;
    this.tasks = table.tasks;
    this.kinds = table.kinds;
    this.texts = table.texts;
    this.kind = Uint16Array.from(table.kind);
    this.category = Uint8Array.from(table.category);
    this.node = Uint16Array.from(table.node);
    this.task = Uint32Array.from(table.task);
    this.text = Uint32Array.from(table.text);
    this.time = new Float64Array(count);
    this.number = new Float64Array(count);
    this.place = new Float64Array(count);
    let [time, number] = [0, 0];
    const entryOf = new Map();
    this.cause = new Int32Array(count).fill(-1);
    for (let entry = 0; entry < count; entry += 1) {
      time += table.time[entry];
      number += table.number[entry];
      this.time[entry] = time;
      this.number[entry] = number;
      this.place[entry] = entry + table.skipped;
      if (this.isLog(entry)) continue;
      entryOf.set(number, entry);
      if (table.cause[entry] > 0) this.cause[entry] = entryOf.get(number - table.cause[entry]) ?? -1;
    }
    this.entryOf = entryOf;
    this.changed = new Set(table.changed);
    this.also = new Map(table.also);
    this.spans = this.findSpans();
    this.arrows = this.findArrows();
    this.matches = null;
  }

  /** Whether it is a line that was logged, which is no event. */
  isLog(entry) {
    return this.kinds[this.kind[entry]] === "log";
  }

  /** For each poll its last entry. */
  findSpans() {
    const spans = new Int32Array(this.count);
    let poll = -1;
    for (let entry = 0; entry < this.count; entry += 1) {
      if (this.category[entry] === CATEGORY.poll) poll = entry;
      if (poll >= 0 && this.task[entry] === this.task[poll]) spans[poll] = entry;
      else if (this.task[entry] === 0 && this.category[entry] === CATEGORY.time) poll = -1;
    }
    return spans;
  }

  /** The entries that say that a message has come, in order. */
  findArrows() {
    const arrows = [];
    for (let entry = 0; entry < this.count; entry += 1) {
      if (this.category[entry] !== CATEGORY.message || this.cause[entry] < 0) continue;
      const kind = this.kinds[this.kind[entry]];
      if (kind.endsWith(".delivered")) arrows.push(entry);
    }
    return Int32Array.from(arrows);
  }

  /** The values by which the entries are placed along the axis. */
  along(axis) {
    return axis === "time" ? this.time : this.place;
  }

  /** The name of the node in which an entry stands. */
  nodeName(entry) {
    const node = this.node[entry];
    return node === 0 ? "" : this.nodes[node - 1] ?? "";
  }

  taskName(entry) {
    const task = this.task[entry];
    return task === 0 ? "" : this.tasks[task - 1][1];
  }

  sentence(entry) {
    const who = this.taskName(entry);
    return who === "" ? this.texts[this.text[entry]] : `${who} ${this.texts[this.text[entry]]}`;
  }

  /** Remembers which entries have all of the words; those of `""` are none. */
  search(text) {
    const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
    if (words.length === 0) {
      this.matches = null;
      return;
    }
    const matches = new Uint8Array(this.count).fill(1);
    for (const word of words) {
      const has = (name) => (name.toLowerCase().includes(word) ? 1 : 0);
      const texts = this.texts.map(has);
      const kinds = this.kinds.map(has);
      const tasks = [0, ...this.tasks.map(([, name]) => has(name))];
      const nodes = [0, ...this.nodes.map(has)];
      for (let entry = 0; entry < this.count; entry += 1) {
        matches[entry] &=
          texts[this.text[entry]] | kinds[this.kind[entry]] | tasks[this.task[entry]] | nodes[this.node[entry]];
      }
    }
    this.matches = matches;
  }
}

/** What is looked at: which runs, how, and which part of them. */
class Model {
  constructor() {
    this.runs = data.runs.map((table) => new Run(table));
    this.axis = "events";
    this.hidden = new Set([CATEGORY.choice]);
    this.onlyMatches = false;
    this.onlyNode = "";
    this.query = "";
    /** The selected entry: the number of its run, and its own. */
    this.selected = null;
    this.collapsed = new Set();
    /** Grows whenever other entries are shown. */
    this.revision = 0;
    this.parting = this.findParting();
    this.showAll();
  }

  /** The first entry in which the two runs differ. */
  findParting() {
    const [one, two] = this.runs;
    if (two === undefined) return null;
    const most = Math.min(one.count, two.count);
    if (one.skipped !== two.skipped) return null;
    for (let entry = 0; entry < most; entry += 1) {
      const isSame =
        one.time[entry] === two.time[entry] &&
        one.kinds[one.kind[entry]] === two.kinds[two.kind[entry]] &&
        one.sentence(entry) === two.sentence(entry);
      if (!isSame) return entry;
    }
    return most;
  }

  /** The least and the greatest value on the axis. */
  whole() {
    let [from, to] = [Infinity, -Infinity];
    for (const run of this.runs) {
      if (run.count === 0) continue;
      const along = run.along(this.axis);
      from = Math.min(from, along[0]);
      to = Math.max(to, along[run.count - 1]);
    }
    return from <= to ? [from, to] : [0, 1];
  }

  show(from, to) {
    const [least, most] = this.whole();
    const smallest = this.axis === "time" ? 100 : 4;
    const size = Math.max(to - from, smallest);
    const slack = size / 20 + (this.axis === "time" ? 0 : 1);
    const widest = most - least + 2 * slack;
    const shown = Math.min(size, Math.max(widest, smallest));
    this.from = Math.min(Math.max(from, least - slack), Math.max(most + slack - shown, least - slack));
    this.to = this.from + shown;
  }

  showAll() {
    const [from, to] = this.whole();
    const slack = Math.max((to - from) / 50, 1);
    this.show(from - slack, to + slack);
  }

  /** Zooms by `factor` around the value `around`. */
  zoom(factor, around = (this.from + this.to) / 2) {
    this.show(around - (around - this.from) * factor, around + (this.to - around) * factor);
  }

  pan(by) {
    this.show(this.from + by, this.to + by);
  }

  /** Turns to the other axis and keeps in view what was in the middle. */
  turn(axis) {
    if (axis === this.axis) return;
    const run = this.runs[this.selected?.run ?? 0];
    const edge = (value) => Math.min(firstFrom(run.along(this.axis), value), run.count - 1);
    const [first, last] = [edge(this.from), edge(this.to)];
    this.axis = axis;
    const along = run.along(axis);
    this.show(along[first], along[last]);
  }

  /** Brings an entry into view. */
  reveal(number, entry) {
    const value = this.runs[number].along(this.axis)[entry];
    const size = this.to - this.from;
    if (value < this.from + size / 20 || value > this.to - size / 20) {
      this.show(value - size / 2, value + size / 2);
    }
  }

  isShown(run, entry) {
    if (this.hidden.has(run.category[entry]) && !run.changed.has(entry)) return false;
    if (this.onlyMatches && run.matches !== null && run.matches[entry] === 0) return false;
    return this.onlyNode === "" || run.nodeName(entry) === this.onlyNode || run.node[entry] === 0;
  }

  search(query) {
    this.query = query;
    this.revision += 1;
    for (const run of this.runs) run.search(query);
  }

  /** How many matches there are in all runs, and which of them is the selected one, from 1. */
  found() {
    let [count, position] = [0, 0];
    this.runs.forEach((run, number) => {
      if (run.matches === null) return;
      for (let entry = 0; entry < run.count; entry += 1) {
        if (run.matches[entry] === 0) continue;
        count += 1;
        if (this.selected?.run === number && this.selected.entry === entry) position = count;
      }
    });
    return { count, position };
  }

  /** The next match after the selected entry, or the one before it; in the other run after the end. */
  nextMatch(step) {
    const total = this.runs.reduce((sum, run) => sum + run.count, 0);
    let [number, entry] = this.selected === null ? [0, step > 0 ? -1 : 0] : [this.selected.run, this.selected.entry];
    for (let tried = 0; tried <= total; tried += 1) {
      entry += step;
      if (entry < 0 || entry >= this.runs[number].count) {
        number = (number + this.runs.length + step) % this.runs.length;
        entry = step > 0 ? 0 : this.runs[number].count - 1;
      }
      if (this.runs[number].matches?.[entry] === 1) return { run: number, entry };
    }
    return null;
  }

  /** The shown entry of the same run before the selected one, or after it. */
  nextShown(step) {
    if (this.selected === null) return null;
    const run = this.runs[this.selected.run];
    for (let entry = this.selected.entry + step; entry >= 0 && entry < run.count; entry += step) {
      if (this.isShown(run, entry)) return { run: this.selected.run, entry };
    }
    return null;
  }
}
