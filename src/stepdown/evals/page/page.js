// Filters the worst downgrades by rule and tag, and steps through those that are left.
"use strict";

const form = document.querySelector(".controls");
if (form) {
  const pairs = [...document.querySelectorAll(".pairs > li")];
  const told = form.querySelector("output");

  const chosen = (name) => {
    const select = form.elements[name];
    return select && select.value !== "" ? select.selectedOptions[0].dataset.name : null;
  };

  const left = () => pairs.filter((pair) => !pair.hidden);

  const opened = (pair) => pair.querySelector("details").open;

  const filter = () => {
    const rule = chosen("rule");
    const tag = chosen("tag");
    for (const pair of pairs) {
      pair.hidden =
        (rule !== null && pair.dataset.rule !== rule) ||
        (tag !== null && !JSON.parse(pair.dataset.tags).includes(tag));
    }
    told.textContent = `${left().length} shown`;
  };

  const step = (by) => {
    const shown = left();
    const from = shown.findIndex(opened);
    const next = from < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, from + by));
    for (const pair of pairs) pair.querySelector("details").open = pair === shown[next];
    if (shown[next]) shown[next].scrollIntoView({ block: "nearest" });
  };

  form.hidden = false;
  form.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("click", (event) => {
    const by = event.target.dataset.step;
    if (by) step(Number(by));
  });
  filter();
}
