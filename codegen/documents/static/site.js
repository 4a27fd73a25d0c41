if (self !== top) document.documentElement.classList.add("embedded");
for (const shown of document.querySelectorAll("[data-address]"))
  shown.textContent = new URL(shown.dataset.address, location.href).href;
const entries = [...document.querySelectorAll("[data-searched] li")];
const form = document.querySelector("form[role=search]");
const texts = entries.map(entry => entry.textContent.toLowerCase());
const search = () => {
  const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  entries.forEach((entry, i) => {
    entry.hidden = !words.every(word => texts[i].includes(word));
    count += !entry.hidden;
  });
  document.body.classList.toggle("searching", words.length > 0);
  form.querySelector("output").textContent =
    words.length ? `${count || "None"} found${count ? "" : ": try fewer words"}` : "";
};
if (entries.length) {
  form.elements.q.value = new URLSearchParams(location.search).get("q") || "";
  form.addEventListener("input", search);
  search();
}
