document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-latex], button[data-copies]");
  if (!button) return;
  const said = button.textContent;
  const text = button.dataset.latex ?? document.getElementById(button.dataset.copies).textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    button.after(area);
    area.select();
    button.textContent = document.execCommand("copy") ? "Copied" : "Not copied";
    area.remove();
  }
  setTimeout(() => { button.textContent = said; }, 1500);
});
