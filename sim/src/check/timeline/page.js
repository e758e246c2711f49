// The page: what the reader does, and when what is drawn.

class Page {
  constructor() {
    this.model = new Model();
    this.frames = [];
    this.isDue = false;
    const wanted = new URLSearchParams(location.hash.slice(1));
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    this.dress(wanted.get("theme") ?? (isDark ? "dark" : "light"));
    element("title").textContent = data.title;
    element("failure").textContent = data.failure;
    this.detail = new Detail(this.model, element("detail"), (selected) => this.select(selected));
    this.lanes = this.model.runs.map((run, number) => this.addRun(run, number));
    this.addFilter();
    this.listen();
    if (wanted.get("axis") === "time") this.turn("time");
    if (wanted.has("from") && wanted.has("to")) this.model.show(Number(wanted.get("from")), Number(wanted.get("to")));
    if (wanted.has("search")) {
      element("search").value = wanted.get("search");
      this.search();
    }
    this.selectNumber(Number(wanted.get("event") ?? 0));
    this.detail.render();
    this.renderFound();
    this.draw();
  }

  /** Makes the lanes of a run. */
  addRun(run, number) {
    const section = document.createElement("section");
    section.className = run.fails ? "run fails" : "run passes";
    const title = document.createElement("h2");
    title.textContent = run.fails ? "The failing run" : "The nearest run that passes";
    const counts = document.createElement("small");
    const end = run.count > 0 ? run.time[run.count - 1] : 0;
    const events = run.count > 0 ? run.number[run.count - 1] : 0;
    counts.textContent = `${grouped(events)} events, ${seconds(end, 1000)}`;
    if (run.skipped > 0) counts.textContent += `; the first ${grouped(run.skipped)} are not on this page`;
    title.append(counts);
    const canvas = document.createElement("canvas");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `${title.textContent}. Arrow keys move, plus and minus zoom, brackets go from event to event.`);
    section.append(title, canvas);
    element("runs").append(section);
    const lanes = new Lanes(this.model, number, canvas);
    this.steer(lanes);
    return lanes;
  }

  /** A switch for each category that there is. */
  addFilter() {
    const form = element("filter");
    const counts = new Array(data.categories.length).fill(0);
    for (const run of this.model.runs) for (const category of run.category) counts[category] += 1;
    data.categories.forEach(([name, title], category) => {
      if (counts[category] === 0) return;
      const label = document.createElement("label");
      label.className = "kind";
      const box = document.createElement("input");
      box.type = "checkbox";
      box.name = name;
      box.checked = !this.model.hidden.has(category);
      box.addEventListener("change", () => {
        if (box.checked) this.model.hidden.delete(category);
        else this.model.hidden.add(category);
        this.model.revision += 1;
        this.detail.render();
        this.draw();
      });
      const colour = document.createElement("i");
      colour.dataset.category = category;
      const count = document.createElement("small");
      count.textContent = grouped(counts[category]);
      label.append(box, colour, title, count);
      form.append(label);
    });
    const names = [...new Set(this.model.runs.flatMap((run) => run.nodes))];
    const nodes = document.createElement("select");
    nodes.id = "node";
    nodes.setAttribute("aria-label", "Nodes that are shown");
    nodes.append(new Option("all nodes", ""), ...names.map((name) => new Option(name, name)));
    nodes.addEventListener("change", () => {
      this.model.onlyNode = nodes.value;
      this.model.revision += 1;
      for (const lanes of this.lanes) lanes.layout();
      this.detail.render();
      this.draw();
    });
    const only = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.id = "only";
    box.addEventListener("change", () => {
      this.model.onlyMatches = box.checked;
      this.model.revision += 1;
      this.detail.render();
      this.draw();
    });
    only.append(box, " only what is searched for");
    form.append(nodes, only);
    this.colourFilter();
  }

  colourFilter() {
    for (const colour of document.querySelectorAll("#filter i")) {
      colour.style.background = this.style.ofCategory[colour.dataset.category];
    }
  }

  /** What the reader does with the lanes. */
  steer(lanes) {
    const { canvas } = lanes;
    let grip = null;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const sideways = event.shiftKey ? 0 : event.deltaX;
      if (event.shiftKey) lanes.scroll(event.deltaY || event.deltaX);
      else if (Math.abs(sideways) > Math.abs(event.deltaY)) this.model.pan(sideways / lanes.scale());
      else this.model.zoom(Math.exp(event.deltaY / 400), lanes.value(event.offsetX));
      this.draw();
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      grip = { x: event.offsetX, y: event.offsetY, moved: 0 };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (grip === null) {
        this.hint(lanes, event);
        return;
      }
      const [dx, dy] = [event.offsetX - grip.x, event.offsetY - grip.y];
      grip.moved += Math.abs(dx) + Math.abs(dy);
      if (grip.moved < 4) return;
      this.model.pan(-dx / lanes.scale());
      lanes.scroll(-dy);
      Object.assign(grip, { x: event.offsetX, y: event.offsetY });
      this.draw();
    });
    canvas.addEventListener("pointerup", (event) => {
      const isClick = grip !== null && grip.moved < 4;
      grip = null;
      if (isClick) this.click(lanes, event.offsetX, event.offsetY);
    });
    canvas.addEventListener("pointercancel", () => { grip = null; });
  }

  /** What is under the pointer, as the browser shows it. */
  hint(lanes, event) {
    const row = lanes.rows[lanes.rowAt(event.offsetY)];
    if (event.offsetX < GUTTER) {
      lanes.canvas.title = row?.name ?? "";
      return;
    }
    const entry = lanes.entryAt(event.offsetX, event.offsetY);
    const { run } = lanes;
    lanes.canvas.title = entry < 0 ? "" : `${seconds(run.time[entry])}  ${run.sentence(entry)}`;
  }

  click(lanes, x, y) {
    const row = lanes.rows[lanes.rowAt(y)];
    if (x < GUTTER) {
      if (row?.count > 0) this.fold(row.name);
      return;
    }
    const entry = lanes.entryAt(x, y);
    this.select(entry < 0 ? null : { run: lanes.number, entry });
  }

  /** Shows a node's tasks in one row, or each in its own. */
  fold(name) {
    const { collapsed } = this.model;
    if (!collapsed.delete(name)) collapsed.add(name);
    for (const lanes of this.lanes) lanes.layout();
    this.draw();
  }

  listen() {
    const on = (id, action) => element(id).addEventListener("click", action);
    on("in", () => this.zoom(0.5));
    on("out", () => this.zoom(2));
    on("all", () => this.all());
    on("parting", () => this.goToParting());
    on("end", () => this.goToEnd());
    on("theme", () => this.swapTheme());
    on("help", () => this.swapHelp());
    on("after", () => this.match(1));
    on("before", () => this.match(-1));
    element("search").addEventListener("input", () => this.search());
    for (const form of ["controls", "filter"]) {
      element(form).addEventListener("submit", (event) => event.preventDefault());
    }
    for (const radio of document.querySelectorAll("input[name=axis]")) {
      radio.addEventListener("change", () => this.turn(radio.value));
    }
    element("parting").disabled = this.model.parting === null;
    document.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(element("stage"));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    if (target.id === "search") {
      if (event.key === "Enter") this.match(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape") target.blur();
      return;
    }
    const isArrow = event.key.startsWith("Arrow");
    if (isArrow && target.matches("select, input")) return;
    const action = this.actions()[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  }

  actions() {
    const { model } = this;
    const pan = (part) => () => {
      model.pan((model.to - model.from) * part);
      this.draw();
    };
    const scroll = (by) => () => {
      for (const lanes of this.lanes) lanes.scroll(by);
      this.draw();
    };
    return {
      "ArrowLeft": pan(-0.15),
      "ArrowRight": pan(0.15),
      "ArrowUp": scroll(-40),
      "ArrowDown": scroll(40),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      "0": () => this.all(),
      "[": () => this.select(model.nextShown(-1) ?? model.selected),
      "]": () => this.select(model.nextShown(1) ?? model.selected),
      "c": () => this.goToCause(),
      "o": () => this.goToOther(),
      "n": () => this.match(1),
      "N": () => this.match(-1),
      "p": () => this.goToParting(),
      "e": () => this.goToEnd(),
      "d": () => this.swapTheme(),
      "?": () => this.swapHelp(),
      "/": () => element("search").focus(),
      "Escape": () => this.select(null),
    };
  }

  zoom(factor) {
    const { selected, runs, axis, from, to } = this.model;
    const value = selected === null ? undefined : runs[selected.run].along(axis)[selected.entry];
    const isSeen = value >= from && value <= to;
    this.model.zoom(factor, isSeen ? value : undefined);
    this.draw();
  }

  all() {
    this.model.showAll();
    this.draw();
  }

  turn(axis) {
    this.model.turn(axis);
    for (const radio of document.querySelectorAll("input[name=axis]")) radio.checked = radio.value === axis;
    this.draw();
  }

  search() {
    this.model.search(element("search").value);
    this.renderFound();
    this.detail.render();
    this.draw();
  }

  match(step) {
    const match = this.model.nextMatch(step);
    if (match !== null) this.select(match);
  }

  renderFound() {
    if (this.model.runs[0].matches === null) {
      element("found").textContent = "";
      return;
    }
    const { count, position } = this.model.found();
    const place = position > 0 ? `${grouped(position)} of ` : "";
    element("found").textContent = `${place}${grouped(count)} found`;
  }

  select(selected) {
    this.model.selected = selected;
    if (selected !== null) {
      this.model.reveal(selected.run, selected.entry);
      this.lanes[selected.run].reveal(selected.entry);
    }
    this.detail.render();
    this.renderFound();
    this.draw();
  }

  /** Selects an event of the failing run by its number. */
  selectNumber(number) {
    const entry = this.model.runs[0].entryOf.get(number);
    if (entry !== undefined) this.select({ run: 0, entry });
  }

  goToCause() {
    const { selected, runs } = this.model;
    const cause = selected === null ? -1 : runs[selected.run].cause[selected.entry];
    if (cause >= 0) this.select({ run: selected.run, entry: cause });
  }

  /** Selects what the other run did at the same place. */
  goToOther() {
    const { selected, runs } = this.model;
    if (selected === null || runs.length < 2) return;
    const other = runs[1 - selected.run];
    this.select({ run: 1 - selected.run, entry: Math.min(selected.entry, other.count - 1) });
  }

  goToParting() {
    const { parting, runs } = this.model;
    if (parting === null) return;
    const run = runs.findIndex((it) => parting < it.count);
    if (run < 0) return;
    this.close(run, parting);
    this.select({ run, entry: parting });
  }

  goToEnd() {
    const entry = this.model.runs[0].count - 1;
    if (entry < 0) return;
    this.close(0, entry);
    this.select({ run: 0, entry });
  }

  /** Zooms in around an entry until single events can be told apart. */
  close(number, entry) {
    const along = this.model.runs[number].along(this.model.axis);
    const near = (by) => along[Math.max(0, Math.min(along.length - 1, entry + by))];
    this.model.show(near(-40) - 1, near(40) + 1);
  }

  dress(theme) {
    document.documentElement.dataset.theme = theme;
    this.style = new Style();
  }

  swapTheme() {
    this.dress(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    this.colourFilter();
    this.draw();
  }

  swapHelp() {
    const keys = element("keys");
    keys.hidden = !keys.hidden;
    element("help").setAttribute("aria-expanded", String(!keys.hidden));
  }

  /** Draws with the next frame, once for all that has changed. */
  draw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.drawNow();
    });
  }

  drawNow() {
    const start = performance.now();
    for (const lanes of this.lanes) {
      lanes.resize();
      lanes.draw(this.style);
    }
    this.drawRuler();
    this.frames.push(performance.now() - start);
    if (this.frames.length > 600) this.frames.shift();
  }

  drawRuler() {
    const canvas = element("ruler");
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = this.style.ground;
    context.fillRect(0, 0, width, height);
    context.font = "11.5px system-ui, sans-serif";
    context.textBaseline = "middle";
    const { model } = this;
    const isTime = model.axis === "time";
    context.fillStyle = this.style.faint;
    context.fillText(isTime ? "virtual time" : "event, virtual time", 8, height / 2);
    const scale = (width - GUTTER) / (model.to - model.from);
    const step = niceStep((isTime ? 110 : 150) / scale, isTime ? 1 : 1);
    const most = model.whole()[1];
    const first = Math.max(0, Math.ceil(model.from / step) * step);
    for (let value = first; value <= Math.min(model.to, most + step / 2); value += step) {
      const x = GUTTER + (value - model.from) * scale;
      context.fillStyle = this.style.line;
      context.fillRect(x, height - 7, 1, 7);
      const label = isTime ? seconds(value, step) : this.eventLabel(value);
      if (x + 4 + context.measureText(label).width > width) continue;
      context.fillStyle = this.style.ink;
      context.fillText(label, x + 4, height / 2);
    }
  }

  eventLabel(place) {
    const run = this.model.runs.find((it) => place - it.skipped < it.count && place >= it.skipped);
    if (run === undefined) return "";
    const entry = place - run.skipped;
    return `#${grouped(run.number[entry])} \u00b7 ${seconds(run.time[entry], 1000)}`;
  }
}

/** The least of 1, 2, 5, 10, 20 … that is not less than `size`. */
function niceStep(size, least) {
  const wanted = Math.max(size, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const times = [1, 2, 5, 10].find((it) => it * power >= wanted * 0.999);
  return times * power;
}

function element(id) {
  return document.getElementById(id);
}

const page = new Page();
