"use strict";
// Adding and removing condition rows. The form itself asks for its sentence by htmx; Save sends it the plain way.
(() => {
  const form = document.getElementById("rule-form");
  const add = document.getElementById("add-condition");
  if (!form || !add) return;

  add.addEventListener("click", () => {
    const index = Number(add.dataset.next);
    add.dataset.next = index + 1;
    htmx.ajax("GET", `${add.dataset.url}&index=${index}`, { target: "#conditions", swap: "beforeend" }).then(() => {
      const rows = document.querySelectorAll("[data-condition] select");
      if (rows.length) document.querySelector(`[name="fact-${index}"]`)?.focus();
    });
  });

  form.addEventListener("click", (event) => {
    const remove = event.target.closest("[data-remove]");
    if (!remove) return;
    remove.closest("[data-condition]").remove();
    htmx.trigger(form, "conditionremoved");
    add.focus();
  });

  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.closest?.(".condition, #conditions")) htmx.trigger(form, "conditionremoved");
  });
})();

// A guardrail shows the fields that its kind has. What is hidden is emptied by the server.
(() => {
  const kind = document.getElementById("id_kind");
  const shownFor = JSON.parse(document.getElementById("shown-for")?.textContent || "{}");
  if (!kind || !Object.keys(shownFor).length) return;
  const show = () => {
    for (const [name, kinds] of Object.entries(shownFor)) {
      const field = document.querySelector(`[data-field="${name}"]`);
      if (field) field.hidden = !kinds.includes(kind.value);
    }
  };
  kind.addEventListener("change", show);
  show();
})();
