"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Whatever is linked to is opened, with all that it stands in.
  const reveal = () => {
    let target = null;
    try { target = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch { return; }
    if (!target) return;
    if (target.closest("[hidden]")) clear();
    for (let at = target; at; at = at.parentElement) if (at.localName === "details") at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);

  // Commands get their button once they can be seen.
  const write = (text, block) => navigator.clipboard ? navigator.clipboard.writeText(text) : new Promise((done, fail) => {
    getSelection().selectAllChildren(block);
    document.execCommand("copy") ? done() : fail();
  });
  const button = (block) => {
    if (block.dataset.ready) return;
    block.dataset.ready = "1";
    const made = document.createElement("button");
    made.type = "button";
    made.className = "copy";
    made.textContent = "Copy";
    made.addEventListener("click", () => write(block.textContent, block).then(
      () => { made.textContent = "Copied"; }, () => { made.textContent = "Select and copy"; },
    ).finally(() => setTimeout(() => { made.textContent = "Copy"; }, 2000)));
    block.parentElement.insertBefore(made, block);
  };
  const dress = (details) => all("pre.command", details).forEach((block) => {
    const inner = block.closest("details");
    if (!inner || inner.open) button(block);
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.localName === "details" && event.target.open) dress(event.target);
  }, true);
  all("details[open]").forEach(dress);

  // Paper has no summary to click.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("#problems .findings > li > details:not([open])");
    opened.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));

  const form = document.querySelector("form.filters");
  const requirements = all(".req");
  const texts = new Map();
  const search = form && form.querySelector("[type=search]");
  const said = form && form.querySelector("output");
  const text = (requirement) => {
    if (!texts.has(requirement)) texts.set(requirement, all("summary:first-of-type, .facts, .about", requirement).map((one) => one.textContent).join(" ").toLowerCase());
    return texts.get(requirement);
  };
  const checked = (name) => all(`[name=${name}]:checked`, form).map((one) => one.value);
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcomes = checked("outcome"), levels = checked("level"), suite = form.elements.suite.value;
    let shown = 0;
    for (const requirement of requirements) {
      requirement.hidden = !((!outcomes.length || outcomes.includes(requirement.dataset.outcome))
        && (!levels.length || levels.includes(requirement.dataset.level))
        && (!suite || requirement.dataset.suites.split(" ").includes(suite))
        && words.every((word) => text(requirement).includes(word)));
      shown += !requirement.hidden;
    }
    all(".group").forEach((group) => { group.hidden = !group.querySelector(".req:not([hidden])"); });
    said.textContent = shown === requirements.length ? `All ${requirements.length} requirements` : `${shown} of ${requirements.length} requirements`;
    form.querySelector("[type=reset]").disabled = shown === requirements.length && !words.length;
    return shown;
  };
  function clear() {
    if (!form) return;
    form.reset();
    apply();
  }
  if (form) {
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(apply));
    form.querySelector(".toggle").addEventListener("click", (event) => {
      const open = event.target.dataset.open !== "1";
      requirements.filter((requirement) => !requirement.hidden).forEach((requirement) => { requirement.open = open; });
      event.target.dataset.open = open ? "1" : "";
      event.target.textContent = open ? "Close all" : "Open all";
    });
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/" && !event.target.closest("input, select, textarea")) {
        event.preventDefault();
        search.focus();
      } else if (event.key === "Escape" && event.target === search) {
        clear();
      }
    });
    apply();
  }
  reveal();
})();
