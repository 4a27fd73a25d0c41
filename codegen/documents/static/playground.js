const at = (id) => document.getElementById(id);
const sum = at("sum"), error = at("error"), stage = at("stage"), proofs = at("proofs");
let worker = null, running = "", waiting = "", begun = 0, urls = [];

const element = (name, text, more = {}) =>
  Object.assign(document.createElement(name), { textContent: text }, more);

const copied = (text, said) => {
  const button = element("button", said, { type: "button" });
  button.dataset.latex = text;
  return button;
};

const saved = (name, text, type) => {
  const url = URL.createObjectURL(new Blob([text], { type }));
  urls.push(url);
  return element("a", `Download ${name}`, { href: url, download: name });
};

const beside = (...nodes) => {
  const line = element("p", "", { className: "beside" });
  line.append(...nodes);
  return line;
};

const clear = () => {
  urls.forEach((url) => URL.revokeObjectURL(url));
  urls = [];
  error.hidden = true;
  proofs.replaceChildren();
  for (const id of ["all-latex", "kernels", "certificate"]) at(id).hidden = true;
};

// Everything in it is escaped where it is written, and the page's policy runs no script of it.
const showProofs = (html, latex) => {
  proofs.innerHTML = html;
  const steppers = element("script", at("stepper-script").textContent);
  proofs.append(steppers);
  at("all-latex").querySelector("button").dataset.latex = latex;
  at("all-latex").hidden = false;
};

const showKernels = (kernels) => {
  const all = Object.entries(kernels).map(([name, text]) => {
    const box = element("details", "", { className: "listing", open: name.startsWith("plain") });
    const code = document.createElement("pre");
    code.append(element("code", text));
    box.append(element("summary", name), beside(copied(text, "Copy"),
      saved(name, text, "text/x-python")), code);
    return box;
  });
  at("kernels").querySelector("div").replaceChildren(...all);
  at("kernels").hidden = false;
};

const showCertificate = (certificate, verdicts) => {
  const name = "certificate.json", box = at("certificate");
  box.querySelector(".beside").replaceChildren(saved(name, certificate, "application/json"));
  const proved = verdicts.filter((one) => one.verdict === "proved").length;
  at("verdict").textContent =
    `derive/checker.py, which shares no code with the engine: ${proved} of ${verdicts.length} proved.`;
  at("checked").replaceChildren(...verdicts.map((one) => {
    const item = document.createElement("li"), more = document.createElement("details");
    const said = document.createElement("pre");
    said.append(element("code", one.said));
    more.append(element("summary", `${one.name}: ${one.verdict}`), said);
    item.append(more);
    return item;
  }));
  box.hidden = false;
};

// Positions count characters; those of a text box count halves of the rarer ones.
const units = (count) => [...running].slice(0, count).join("").length;

const showError = ({ message, start, end }) => {
  // words are wrapped; a line of the sum and the carets below it stay as they are
  error.replaceChildren(...message.split("\n").map((line) =>
    element("div", `${line}\n`, { className: line.startsWith(" ") ? "" : "words" })));
  error.hidden = false;
  if (start !== undefined && sum.value === running) {
    sum.focus();
    sum.setSelectionRange(units(start), units(end));
  }
};

const idle = (said) => {
  stage.textContent = said;
  running = "";
  at("stop").hidden = true;
  if (waiting) ask(waiting);
};

const received = ({ data }) => {
  if (data.broken) {
    worker.terminate();
    worker = null;
    showError({ message: data.broken });
    return idle("");
  }
  if (data.ready) document.documentElement.dataset.ready = "";
  if (data.stage) stage.textContent = `${data.stage} …`;
  if (data.html !== undefined) showProofs(data.html, data.latex);
  if (data.kernels) showKernels(data.kernels);
  if (data.certificate) showCertificate(data.certificate, data.verdicts);
  if (data.error) showError(data.error);
  if (data.done) {
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    idle(error.hidden ? `Derived, proved and checked in ${seconds} s.` : "");
    keep();
  }
};

const start = () => {
  worker = new Worker("worker.js", { type: "module" });
  worker.onmessage = received;
  worker.onerror = () => received({ data: { broken: "The engine could not be loaded." } });
};

const permalink = (text) => `#sum=${encodeURIComponent(text)}`;

const ask = (text) => {
  waiting = "";
  clear();
  history.replaceState(null, "", permalink(text));
  at("link").dataset.latex = location.href;
  begun = performance.now();
  running = text;
  stage.textContent = worker ? "deriving …" : "loading Python …";
  at("stop").hidden = false;
  if (!worker) start();
  worker.postMessage(text);
};

const want = (text) => {
  if (!text.trim()) return;
  if (running) waiting = text;
  else ask(text);
};

// Once everything is loaded: keeps it for visits without a network.
const keep = () => {
  navigator.serviceWorker?.register("cache.js").then(
    () => navigator.serviceWorker.ready).then(
    () => { document.documentElement.dataset.kept = ""; }, () => {});
};

const linked = () => {
  const found = /^#sum=(.*)$/.exec(location.hash);
  if (!found) return;
  try {
    sum.value = decodeURIComponent(found[1]);
  } catch {
    return;
  }
  want(sum.value);
};

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  want(sum.value);
});
at("known").addEventListener("change", (event) => {
  if (event.target.value) sum.value = event.target.value;
});
at("stop").addEventListener("click", () => {
  worker.terminate();
  worker = null;
  waiting = "";
  idle("Stopped.");
});
sum.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    want(sum.value);
  }
});
// A link inside the result must not replace the sum in the address.
at("result").addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link) return;
  event.preventDefault();
  at(decodeURIComponent(link.hash.slice(1)))?.scrollIntoView();
});
addEventListener("hashchange", linked);
if (location.protocol === "file:")
  showError({ message: "Browsers start no engine for a page that is opened as a file.\n" +
    "Serve its folder, for example by: python -m http.server" });
else linked();
