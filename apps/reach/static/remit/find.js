"use strict";
// Finding: one box for cases, places and the acts of this page. "/" opens it, Ctrl+K also from inside a text.
(() => {
  const dialog = document.getElementById("find");
  if (!dialog) return;
  const text = document.getElementById("find-text");
  const acts = document.getElementById("find-acts");
  const cases = document.getElementById("find-cases");
  const KEYS_OFF = "remit-keys-off";
  let asked = 0;
  let waiting = null;
  let before = null;

  const typing = (target) => target.matches("textarea, select, input:not([type=radio]):not([type=checkbox])") || target.isContentEditable;
  const label = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll(".r-key").forEach((key) => key.remove());
    return copy.textContent.trim().replace(/\s+/g, " ");
  };

  function commands() {
    const places = [...document.querySelectorAll(".r-places a")].map((link) => ({ words: `Go to ${label(link)}`, run: () => link.click() }));
    const buttons = [...document.querySelectorAll("button[data-key]")].filter((button) => button.offsetParent !== null && !button.disabled);
    return [...buttons.map((button) => ({ words: label(button), key: button.dataset.key, run: () => button.click() })), ...places];
  }

  function show() {
    const wanted = text.value.trim().toLowerCase();
    acts.replaceChildren(...commands().filter((command) => command.words.toLowerCase().includes(wanted)).map((command) => {
      const row = document.createElement("button");
      row.type = "button";
      row.className = "find-row";
      row.setAttribute("role", "option");
      row.textContent = command.words;
      if (command.key) {
        const key = document.createElement("span");
        key.className = "r-key";
        key.textContent = command.key === "Enter" ? "⏎" : command.key.toUpperCase();
        row.append(" ", key);
      }
      row.addEventListener("click", () => { dialog.close(); command.run(); });
      return row;
    }));
    choose(text.value.trim() ? 0 : -1);  // with nothing typed ⏎ does nothing
  }

  function rows() { return [...dialog.querySelectorAll(".find-row")]; }

  function choose(place) {
    const all = rows();
    all.forEach((row, index) => row.setAttribute("aria-selected", String(index === place)));
    all.forEach((row, index) => { row.id = `find-row-${index}`; });
    if (all[place]) {
      text.setAttribute("aria-activedescendant", all[place].id);
      all[place].scrollIntoView({ block: "nearest" });
    } else {
      text.removeAttribute("aria-activedescendant");
    }
  }

  function chosen() { return rows().findIndex((row) => row.getAttribute("aria-selected") === "true"); }

  function look() {
    const mine = ++asked;
    fetch(`${dialog.dataset.url}?q=${encodeURIComponent(text.value)}`, { credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.text() : ""))
      .then((html) => {
        if (mine !== asked) return;  // something else was typed meanwhile
        cases.innerHTML = html;
        choose(Math.max(0, acts.children.length && text.value.trim() ? chosen() : 0));
      })
      .catch(() => {});
  }

  function open() {
    before = document.activeElement;
    text.value = "";
    cases.replaceChildren();
    dialog.showModal();
    show();
    text.focus();
  }

  document.addEventListener("keydown", (event) => {
    const ctrlK = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
    const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target) && !localStorage.getItem(KEYS_OFF);
    if ((!ctrlK && !slash) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-find]")) open(); });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { if (before && before.isConnected) before.focus(); });
  text.addEventListener("input", () => { show(); clearTimeout(waiting); waiting = setTimeout(look, 120); });
  text.addEventListener("keydown", (event) => {
    const all = rows();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (all.length) choose((chosen() + step + all.length) % all.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (all[chosen()]) all[chosen()].click();
    }
  });
})();
