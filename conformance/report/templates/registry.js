"use strict";
(() => {
  document.documentElement.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // The page is as old as its making: what has ended since is marked.
  const now = Date.now();
  all("[data-expires]").forEach((cell) => {
    if (Date.parse(cell.dataset.expires) > now) return;
    const late = document.createElement("span");
    late.className = "late";
    late.textContent = "expired since this page was made";
    cell.append(late);
  });

  const form = document.querySelector("form.filters");
  if (!form) return;
  const rows = all("tr[data-standing]");
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const search = form.querySelector("[type=search]");
  const said = form.querySelector("output");
  const none = document.querySelector("tr.empty");
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const standings = all("[name=standing]:checked", form).map((one) => one.value);
    const api = form.elements.api.value, attested = form.elements.attested.value;
    let shown = 0;
    for (const row of rows) {
      row.hidden = !((!standings.length || standings.includes(row.dataset.standing))
        && (!api || row.dataset.api === api)
        && (!attested || row.dataset.attested === attested)
        && words.every((word) => texts.get(row).includes(word)));
      shown += !row.hidden;
    }
    none.hidden = shown > 0;
    said.textContent = shown === rows.length ? `All ${rows.length} rows` : `${shown} of ${rows.length} rows`;
    form.querySelector("[type=reset]").disabled = shown === rows.length && !words.length;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !event.target.closest("input, select, textarea")) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && event.target === search) {
      form.reset();
      setTimeout(apply);
    }
  });
  apply();
})();
