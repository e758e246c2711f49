// What is known of the selected event, as text.

const AROUND = 8;

class Detail {
  /** `select` is called with what the reader chooses here. */
  constructor(model, element, select) {
    this.model = model;
    this.element = element;
    this.select = select;
  }

  render() {
    const { model, element } = this;
    element.replaceChildren();
    const { selected } = model;
    if (selected === null) {
      element.append(
        paragraph("Click an event for what is known of it."),
        paragraph("Lanes are nodes, and below each its tasks. A pale bar is a poll: what happens in it takes no virtual time, so the axis of events shows more than that of time."),
        paragraph("Rings are the choices that differ from a calm run: the causes of the failure, once it is shrunk."),
      );
      return;
    }
    const run = model.runs[selected.run];
    const { entry } = selected;
    const what = paragraph(run.texts[run.text[entry]]);
    what.className = "what";
    element.append(what, this.facts(run, entry));
    const cause = run.cause[entry];
    const links = document.createElement("p");
    if (cause >= 0) links.append(this.link("What caused it", selected.run, cause));
    for (const caused of this.causedBy(run, entry)) {
      links.append(" ", this.link(`Caused #${run.number[caused]}`, selected.run, caused));
    }
    if (links.hasChildNodes()) element.append(links);
    const title = document.createElement("h2");
    title.textContent = "Around it";
    element.append(title, this.around(run, entry));
  }

  facts(run, entry) {
    const list = document.createElement("dl");
    const add = (name, value) => {
      if (value === "") return;
      const [term, text] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      text.textContent = value;
      list.append(term, text);
    };
    add("run", run.fails ? "the failing one" : "the nearest that passes");
    add("time", seconds(run.time[entry]));
    add("event", run.isLog(entry) ? `a line after #${run.number[entry]}` : `#${run.number[entry]} in record.txt`);
    add("kind", run.kinds[run.kind[entry]]);
    add("node", run.nodeName(entry));
    add("task", run.taskName(entry));
    if (run.changed.has(entry)) add("choice", "differs from calm");
    const { parting } = this.model;
    if (parting !== null) add("runs", entry < parting ? "the same in both" : entry === parting ? "the runs part here" : "");
    return list;
  }

  /** The first few events that this one caused. */
  causedBy(run, entry) {
    const caused = [];
    const last = Math.min(run.count, entry + 20000);
    for (let other = entry + 1; other < last && caused.length < 3; other += 1) {
      if (run.cause[other] === entry && run.category[other] === CATEGORY.message) caused.push(other);
    }
    return caused;
  }

  around(run, entry) {
    const list = document.createElement("ol");
    const shown = [];
    for (let other = entry - 1; other >= 0 && shown.length < AROUND; other -= 1) {
      if (this.model.isShown(run, other)) shown.unshift(other);
    }
    shown.push(entry);
    const before = shown.length;
    for (let other = entry + 1; other < run.count && shown.length < before + AROUND; other += 1) {
      if (this.model.isShown(run, other)) shown.push(other);
    }
    for (const other of shown) {
      const item = document.createElement("li");
      const button = this.link("", this.model.selected.run, other);
      const time = document.createElement("span");
      time.textContent = `${seconds(run.time[other], 1000)} `;
      button.append(time, run.sentence(other));
      if (other === entry) item.setAttribute("aria-current", "true");
      item.append(button);
      list.append(item);
    }
    return list;
  }

  link(text, number, entry) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => this.select({ run: number, entry }));
    return button;
  }
}

function paragraph(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}
