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
