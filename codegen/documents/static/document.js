for (const button of document.querySelectorAll("button[data-latex], button[data-copies]")) {
  const text = () =>
    button.dataset.latex ?? document.getElementById(button.dataset.copies).textContent;
  button.addEventListener("click", async () => {
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      const area = document.createElement("textarea");
      area.value = text();
      button.after(area);
      area.select();
      button.textContent = document.execCommand("copy") ? "Copied" : "Not copied";
      area.remove();
    }
    setTimeout(() => { button.textContent = said; }, 1500);
  });
}
for (const button of document.querySelectorAll("button[data-pause]")) {
  const picture = button.closest("figure").querySelector("svg");
  button.addEventListener("click", () => {
    const paused = picture.animationsPaused();
    if (paused) picture.unpauseAnimations(); else picture.pauseAnimations();
    button.textContent = paused ? "Pause" : "Go on";
  });
}
const contents = document.getElementById("contents");
const wide = matchMedia("(min-width: 75rem)");
if (contents) {
  const unfold = () => { contents.open = wide.matches; };
  unfold();
  wide.addEventListener("change", unfold);
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && !wide.matches) contents.open = false;
  });
}
const target = () => {
  const [name, state] = location.hash.slice(1).split("?");
  const found = document.getElementById(decodeURIComponent(name));
  if (found && state) found.scrollIntoView();
  for (let box = found; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
};
addEventListener("hashchange", target);
target();
