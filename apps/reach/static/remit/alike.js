"use strict";
// How many cases are chosen, as the button says it.
(() => {
  const form = document.getElementById("alike");
  if (!form) return;
  const count = document.getElementById("chosen-count");
  form.addEventListener("change", () => { count.textContent = form.querySelectorAll("[name=case]:checked").length; });
})();
