(() => {
"use strict";
const MOST = 64, PAUSE = 900, REST = 300;

// Browsers refuse addresses that change too often: one is written when the reader rests.
let writing = 0;

// The value of a polynomial, a list of [numerator, denominator, names].
const number = (poly, env) => poly.reduce((sum, [n, d, names]) =>
  sum + names.reduce((value, name) => value * env[name], n) / d, 0);

// The first and the last integer within all limits.
const span = (limits, env) => {
  let low = -Infinity, high = Infinity;
  for (const limit of limits) {
    const [factor, rest, size] = limit.map(e => number(e, env));
    const ends = factor > 0 ? [-rest, size - 1 - rest] : [rest - size + 1, rest];
    low = Math.max(low, Math.ceil(ends[0] / Math.abs(factor)));
    high = Math.min(high, Math.floor(ends[1] / Math.abs(factor)));
  }
  return [low, high];
};

const holds = (factor, env) => {
  if (factor.equal) return number(factor.equal, env) === 0;
  if (!factor.range) return true;
  const value = number(factor.range, env);
  return value >= 0 && value < number(factor.size, env);
};

// The products of a sum at given free indices, as codegen/figures/expand.py has them.
const products = (data, term, env, point) => {
  const loops = term.loops.filter(([name]) => !(name in point)), out = [];
  const walk = (depth, at) => {
    if (depth < loops.length) {
      const [name, limits] = loops[depth], [low, high] = span(limits, env);
      for (let i = low; i <= high; i++) walk(depth + 1, {...at, [name]: i});
      return;
    }
    const here = {...env, ...point, ...at};
    if (!term.factors.every(f => holds(f, here))) return;
    const reads = term.factors.filter(f => f.tensor !== undefined).map(f => {
      const index = f.index.map(e => number(e, here));
      const found = entry(data, f.tensor, index, env);
      return {index, entry: found && f.function ? {...found, function: f.function} : found};
    });
    out.push({at, coefficient: number(term.coefficient, here), reads});
  };
  walk(0, {});
  return out;
};

// The entry of a free tensor that a tensor has at an index; null where it is zero.
const entry = (data, name, index, env) => {
  const tensor = data.tensors[name];
  for (let a = 0; a < index.length; a++) {
    const size = tensor.shape[a];
    if (size && !(index[a] >= 0 && index[a] < number(size, env))) return null;
  }
  if (!tensor.terms.length) return {tensor: name, index};
  const point = Object.fromEntries(tensor.formals.map((v, i) => [v, index[i]]));
  for (const term of tensor.terms)
    for (const p of products(data, term, env, point))
      if (p.reads.every(read => read.entry)) return p.reads[0].entry;
  return null;
};

// The first and the last place that the window covers at a step.
const covers = (axis, env, step) => {
  const at = number(axis.shift, env) + step * number(axis.stride, env), ends = [at, at];
  for (const [factor, size] of axis.taps) {
    const far = number(factor, env) * (number(size, env) - 1);
    ends[far < 0 ? 0 : 1] += far;
  }
  return ends;
};

// All sizes: the given ones, and the number of windows or of places that follows from them.
const resolveSizes = (data, values) => {
  const env = {...data.sizes, ...values};
  for (const axis of data.axes) {
    if (!axis.derivedSize) continue;
    const back = number(axis.stride, env) < 0, [low, high] = covers(axis, env, 0);
    const far = back ? high + 1 - number(axis.places, env) : -low;
    const over = axis.padded ? Math.max(0, far) : 0;
    let found = 0;
    if (axis.scattered) {
      for (let step = 0; step < number(axis.steps, env); step++)
        found = Math.max(found, covers(axis, env, step)[1] + 1 - over);
    } else {
      const limit = number(axis.places, env) - 1 + over;
      const fits = ([first, last]) => back ? first >= -over : last <= limit;
      while (found < MOST && fits(covers(axis, env, found))) found++;
    }
    env[axis.derivedSize] = found;
    if (found < 1) {
      env.problem = axis.scattered
        ? `the output is empty: crop less to make ${axis.placesName} larger`
        : `no window fits: the first one covers the places ${low} to ${high}, and the last place of ` +
          `the input is ${number(axis.places, env) - 1}; make ${axis.placesName} larger` +
          (axis.tapNames.length ? `, or ${axis.tapNames.join(" and ")} smaller` : "");
    }
  }
  return env;
};

// All indices of a box, given as [first, last] of each axis.
const grids = (shape) => shape.reduce((all, [low, high]) =>
  all.flatMap(at => Array.from({length: high - low + 1}, (_, i) => [...at, low + i])), [[]]);

// What a view shows at given sizes: its steps, and the entry at each place of the grid.
const survey = (data, view, env) => {
  const fixed = Object.fromEntries(view.fixed.map(v => [v, 0]));
  const shape = view.shape.map(e => [0, number(e, env) - 1]);
  const name = view.term.factors.filter(f => f.tensor !== undefined)[view.grid].tensor;
  const tensor = data.tensors[name], axes = view.gridAxes;
  const steps = grids(shape).map(point => {
    const at = {...fixed, ...Object.fromEntries(view.free.map((v, i) => [v, point[i]]))};
    return {point, products: products(data, view.term, env, at)};
  });
  const covered = steps.flatMap(s => s.products.map(p => p.reads[view.grid].index));
  const full = covered[0] || tensor.shape.map(() => 0);
  const ends = axes.map(a => {
    const size = tensor.shape[a], all = covered.map(p => p[a]);
    const box = size ? [0, number(size, env) - 1] : [];
    return [Math.min(...all, ...box), Math.max(...all, ...box)];
  });
  const places = covered.length ? grids(ends) : [];
  const held = places.map(place => {
    const index = full.map((i, a) => axes.includes(a) ? place[axes.indexOf(a)] : i);
    return {place, entry: entry(data, name, index, env)};
  });
  const real = held.filter(h => h.entry).map(h => h.place);
  for (const h of held) {
    const inside = real.length && h.place.every((i, n) =>
      Math.min(...real.map(p => p[n])) <= i && i <= Math.max(...real.map(p => p[n])));
    h.look = h.entry ? "entry" : inside ? "zero" : "padding";
  }
  return {steps, held, ends, shape, name};
};

// The numbers that the reader gives the free tensors, in the order of reading.
const operands = data => Object.keys(data.tensors).filter(name => !data.tensors[name].terms.length);
const sizesOf = (data, name, env) =>
  data.tensors[name].shown.map(a => number(data.tensors[name].shape[a], env));
const suggested = (data, name, count) => Array.from({length: count}, (_, i) =>
  data.tensors[name].role === "input" ? i % 9 + 1 : [1, -1, 2, 0, -2][i % 5]);
const numbersIn = text => text.split(/[\s,;]+/).filter(Boolean);
const valueOf = (data, e) => {
  const {sizes, values} = data.numbers[e.tensor];
  return values[shownIndex(data, e).reduce((at, i, n) => at * sizes[n] + i, 0)];
};
const rounded = value => Math.round(value * 1e6) / 1e6;

// The sum at a step in numbers; null where it has a function, or while letters are shown.
const total = (data, step) => {
  if (!data.numbers) return null;
  let sum = 0;
  for (const p of step.products) {
    if (p.reads.some(read => !read.entry)) continue;
    if (p.reads.some(read => read.entry.function)) return null;
    sum += p.reads.reduce((value, read) => value * valueOf(data, read.entry), p.coefficient);
  }
  return rounded(sum);
};

// An entry as HTML: x[0,1], or x with a subscript in a cell; or its number.
const shownIndex = (data, e) => data.tensors[e.tensor].shown.map(a => e.index[a]);
const bracketed = (label, index) => index.length ? `${label}[${index.join(",")}]` : label;
const said = (data, e) => {
  if (!e) return "0";
  const value = data.numbers && valueOf(data, e);
  const plain = !data.numbers ? bracketed(data.tensors[e.tensor].label, shownIndex(data, e))
    : value < 0 && !e.function ? `(${value})` : String(value);
  return e.function ? `${e.function}(${plain})` : plain;
};
const below = (label, index) => {
  if (!index.length) return label;
  const joint = index.some(i => i > 9) ? "," : "", mark = label.endsWith("</sub>") ? ";" : "";
  return `${label}<sub>${mark}${index.join(joint)}</sub>`;
};
const small = (data, e) => !e ? "0" : data.numbers ? String(valueOf(data, e))
  : below(data.tensors[e.tensor].brief, shownIndex(data, e));

// The sum at a step, with the products that are zero marked.
const written = (data, view, step) => {
  const parts = step.products.map(p => {
    const factors = p.reads.map(read => said(data, read.entry));
    if (p.coefficient !== 1) factors.unshift(String(rounded(p.coefficient)));
    const gone = p.reads.some(read => !read.entry);
    return `<span class="${gone ? "gone" : "there"}">${factors.join("\u00b7")}</span>`;
  });
  const sum = total(data, step), end = sum === null || !parts.length ? "" : ` = ${sum}`;
  return `${bracketed(view.target, step.point)} = ${parts.join(" + ") || "0"}${end}`;
};

const cell = (html, role, look) => {
  const out = document.createElement("div");
  out.className = "stepper-cell";
  out.dataset.role = role;
  out.dataset.look = look;
  out.innerHTML = html;
  return out;
};

// Lay cells out on a grid, with a name at its left.
const fill = (box, ends, cells, name) => {
  const two = ends.length > 1, [low, high] = ends[ends.length - 1] || [0, 0];
  box.style.gridTemplateColumns = `auto repeat(${high - low + 1}, auto)`;
  const label = document.createElement("div");
  label.className = "stepper-name";
  label.innerHTML = `<span>${name}</span>`;
  label.style.gridRow = `1 / span ${two ? ends[0][1] - ends[0][0] + 1 : 1}`;
  box.replaceChildren(label, ...cells.map(([element, place]) => {
    element.style.gridColumn = place[place.length - 1] - low + 2;
    element.style.gridRow = two ? place[0] - ends[0][0] + 1 : 1;
    return element;
  }));
};

// Scroll a grid, not the page, until the marked cells are visible.
const reveal = (grid, marked) => {
  const box = grid.parentElement, cells = [...grid.querySelectorAll(marked)];
  const view = box.getBoundingClientRect(), name = grid.firstChild.getBoundingClientRect().width;
  const lefts = cells.map(c => c.getBoundingClientRect().left - view.left - name - 6);
  const rights = cells.map(c => c.getBoundingClientRect().right - view.right + 6);
  if (Math.max(...rights) > 0) box.scrollLeft += Math.max(...rights);
  else if (Math.min(...lefts) < 0) box.scrollLeft += Math.min(...lefts);
};

// Moves the window of a view, by buttons, keys and slider.
class Player {
  constructor(root, data, view) {
    Object.assign(this, {root, data, view, step: 0, timer: 0, moved: () => {}});
    this.slider = root.querySelector("input[type=range]");
    this.playing = root.querySelector("[data-do=play]");
    root.querySelector("[data-do=previous]").addEventListener("click", () => this.by(-1));
    root.querySelector("[data-do=next]").addEventListener("click", () => this.by(1));
    this.playing.addEventListener("click", () => this.timer ? this.pause() : this.play());
    this.slider.addEventListener("input", () => { this.to(+this.slider.value); this.moved(); });
    root.addEventListener("keydown", event => this.key(event));
  }
  key(event) {
    if (event.target === this.slider) return;
    const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    const end = {Home: 0, End: this.seen.steps.length - 1}[event.key];
    if (by) this.by(by);
    else if (end !== undefined) this.jump(end);
    else if (event.key === " " && event.target === this.root) this.playing.click();
    else return;
    event.preventDefault();
  }
  set(env) {
    this.pause();
    this.seen = survey(this.data, this.view, env);
    const {steps, held, ends, shape, name} = this.seen;
    this.root.hidden = !steps.length;
    if (!steps.length) return;
    this.slider.max = steps.length - 1;
    this.root.querySelector(".stepper-pair").dataset.axes = shape.length;
    this.cells = held.map(h => [
      cell("", h.entry ? this.data.tensors[h.entry.tensor].role : "zero", h.look), h.place]);
    fill(this.root.querySelector("[data-part=grid]"), ends, this.cells,
      this.data.tensors[name].label);
    this.targets = steps.map(s => [cell(
      `<span>${below(this.view.brief, s.point)}</span>`, this.view.role, "later"), s.point]);
    fill(this.root.querySelector("[data-part=target]"), shape, this.targets, this.view.target);
    this.totals = steps.map(step => total(this.data, step));
    this.to(Math.min(this.step, steps.length - 1));
  }
  by(change) {
    const count = this.seen.steps.length;
    this.jump((this.step + change + count) % count);
  }
  jump(step) {
    this.pause();
    this.to(step);
    this.moved();
  }
  play() {
    this.playing.setAttribute("aria-pressed", "true");
    this.playing.setAttribute("aria-label", "Pause");
    this.playing.textContent = "\u23f8";
    this.sum("off");
    this.timer = setInterval(() => this.to((this.step + 1) % this.seen.steps.length), PAUSE);
  }
  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.playing.setAttribute("aria-pressed", "false");
    this.playing.setAttribute("aria-label", "Play");
    this.playing.textContent = "\u25b6";
    this.sum("polite");
  }
  sum(live) { this.root.querySelector(".stepper-sum").setAttribute("aria-live", live); }
  to(step) {
    this.step = step;
    this.slider.value = step;
    const {view, data, seen} = this, now = seen.steps[step];
    this.slider.setAttribute("aria-valuetext", `${step + 1} of ${seen.steps.length}`);
    const used = new Map();
    for (const p of now.products) {
      const key = view.gridAxes.map(a => p.reads[view.grid].index[a]).join();
      const tap = view.kernel.map(i => small(data, p.reads[i].entry)).join("");
      used.set(key, [...(used.get(key) || []), tap || String(p.coefficient)]);
    }
    seen.held.forEach((h, i) => {
      const taps = used.get(h.place.join()), element = this.cells[i][0];
      element.classList.toggle("used", !!taps);
      element.innerHTML = `<span>${small(data, h.entry)}</span>` +
        (taps ? `<small>${taps.join("+")}</small>` : "");
      element.classList.toggle("tight", !!taps && element.lastChild.textContent.length > 5);
    });
    this.targets.forEach(([element], i) => {
      element.classList.toggle("now", i === step);
      element.dataset.look = i > step ? "later" : "done";
      const known = i <= step && this.totals[i] !== null;
      element.innerHTML = known ? `<span>${this.totals[i]}</span>`
        : `<span>${below(view.brief, seen.steps[i].point)}</span>`;
    });
    this.root.querySelector(".stepper-sum").innerHTML = written(data, view, now);
    reveal(this.root.querySelector("[data-part=grid]"), ".used");
    reveal(this.root.querySelector("[data-part=target]"), ".now");
  }
}

const start = root => {
  if (root.dataset.ready) return;
  root.dataset.ready = "yes";
  const data = JSON.parse(root.querySelector(".stepper-data").textContent);
  const form = root.querySelector("form"), message = root.querySelector(".stepper-message");
  const players = data.views.map(view =>
    new Player(root.querySelector(`[data-view=${view.key}]`), data, view));
  // what is drawn stays until the reader has mended what is refused
  const refuse = text => {
    message.textContent = text;
    message.hidden = !text;
    if (text) players.forEach(player => player.pause());
  };
  // The reader's numbers; or why they are none.
  const readNumbers = env => {
    const found = {};
    for (const name of operands(data)) {
      const field = form.elements[`entries-${name}`], sizes = sizesOf(data, name, env);
      const count = sizes.reduce((product, size) => product * size, 1);
      if (!field.dataset.edited) field.value = suggested(data, name, count).join(" ");
      const words = numbersIn(field.value), bad = words.find(word => !isFinite(word));
      if (bad !== undefined) return `${name}: found ${bad}, expected a number`;
      if (words.length !== count)
        return `${name}: found ${words.length} numbers, expected ${sizes.join(" x ") || 1}`;
      found[name] = {sizes, values: words.map(Number)};
    }
    return found;
  };
  const update = () => {
    const values = {};
    for (const input of form.elements) {
      if (input.type !== "number") continue;
      values[input.name] = Number(input.value);
      if (!input.validity.valid || !Number.isInteger(values[input.name]))
        return refuse(`${input.name}: found ${input.value || "nothing"}, expected an integer ` +
          `from ${input.min} to ${input.max}`);
    }
    const env = resolveSizes(data, values);
    if (env.problem) return refuse(env.problem);
    const shown = form.elements["with-numbers"].checked, found = shown ? readNumbers(env) : null;
    if (typeof found === "string") return refuse(found);
    data.numbers = found;
    root.querySelector(".stepper-entries").hidden = !shown;
    refuse("");
    const follow = data.axes.filter(axis => axis.derivedSize)
      .map(axis => `${axis.derivedSize} = ${env[axis.derivedSize]}`);
    root.querySelector(".stepper-derived").textContent = follow.join(", ");
    players.forEach(player => player.set(env));
  };
  // The address says what the reader chose: #stepper?s=2&step-forward=3.
  // One that names no part of the page, as #sum=..., is not the stepper's to change.
  const remember = () => {
    const [name] = location.hash.slice(1).split("?");
    if (!message.hidden || name && !document.getElementById(name)) return;
    const chosen = new URLSearchParams();
    for (const {name, type, value, checked, defaultValue, dataset} of form.elements) {
      if (type === "checkbox" && checked) chosen.set(name, "on");
      if (type === "number" && value !== defaultValue || dataset.edited) chosen.set(name, value);
    }
    for (const {step, view} of players) if (step) chosen.set(`step-${view.key}`, step);
    history.replaceState(null, "", `#${root.id}?${chosen}`);
  };
  const restore = () => {
    const [id, query] = location.hash.slice(1).split("?");
    if (id !== root.id || !query) return;
    const chosen = new URLSearchParams(query);
    for (const field of form.elements) {
      if (!field.name || !chosen.has(field.name)) continue;
      if (field.type === "checkbox") field.checked = true;
      else field.value = chosen.get(field.name);
      if (field.type === "text") field.dataset.edited = "yes";
    }
    update();
    if (!message.hidden) return;
    for (const player of players) {
      const step = Number(chosen.get(`step-${player.view.key}`));
      if (Number.isInteger(step) && step >= 0 && step < player.seen.steps.length) player.to(step);
    }
  };
  const remind = () => {
    clearTimeout(writing);
    if (location.protocol !== "about:") writing = setTimeout(remember, REST);
  };
  players.forEach(player => { player.moved = remind; });
  form.addEventListener("input", event => {
    const field = event.target;
    if (field.type === "text") field.dataset.edited = "yes";
    update();
    remind();
  });
  form.addEventListener("submit", event => event.preventDefault());
  addEventListener("hashchange", restore);
  update();
  restore();
};

window.rot180Stepper = {products, resolveSizes, survey, number, start};
const all = () => document.querySelectorAll(".stepper").forEach(start);
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all);
else all();
})();
