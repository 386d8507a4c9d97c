"use strict";
// Keys, the ring, the choice of option and the editor of Reach. Keys are bound here because the strict content
// policy forbids htmx's own filters. `data-key` on an element names its key; pressing it clicks the element.
(() => {
  const RING_SECONDS = 90;
  const CIRCUMFERENCE = 2 * Math.PI * 19;
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const KEYS_OFF = "remit-keys-off";
  let notBefore = 0;  // until then ⏎ decides nothing

  function typing(target) {
    return target.matches("textarea, select, input:not([type=radio]):not([type=checkbox])") || target.isContentEditable;
  }

  function press(key) {
    const wanted = all(`[data-key="${CSS.escape(key)}"]`).find((element) => !element.disabled && element.offsetParent !== null);
    if (!wanted) return false;
    wanted.click();
    if (wanted.matches("input")) wanted.focus();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.repeat) return;  // a key held down decides one case, not all of them
    if (event.ctrlKey || event.metaKey) {
      // From inside a text the same act is Ctrl+Enter, so that nobody needs the mouse.
      if (event.key === "Enter" && typing(event.target)) { event.preventDefault(); submitAround(event.target); }
      return;
    }
    if (event.key === "Escape") return closeDrawers(event);
    if (typing(event.target) || one("dialog[open]")) return;
    if (localStorage.getItem(KEYS_OFF) && event.key !== "?") return;
    if (event.key === "?") { event.preventDefault(); one("#keys").showModal(); return; }
    if (event.key === "Enter" && performance.now() < notBefore) { event.preventDefault(); return; }
    const onControl = event.target.matches("a, button, summary");
    if (event.key === "Enter" && onControl) return;
    if (press(event.key.length === 1 ? event.key.toLowerCase() : event.key)) event.preventDefault();
  });

  function submitAround(element) {
    const button = one("[type=submit]", element.closest("form") || document);
    if (button) button.click();
  }

  function closeDrawers(event) {
    const open = all("[data-drawer]:not([hidden])");
    if (open.length === 0) return;
    event.preventDefault();
    open.forEach((drawer) => { drawer.hidden = true; });
    if (open.some((drawer) => drawer.id === "editor")) { one("[name=edited]").value = ""; choose(); }  // the proposal as it was
    const opener = one(`[aria-controls="${open[0].id}"]`);
    if (opener) opener.focus();
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) toggle(opener);
    if (event.target.closest("[data-show-keys]")) one("#keys").showModal();
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
    if (event.target.closest("[data-unfold]")) one(".decision").classList.toggle("folded");
  });

  function toggle(opener) {
    const drawer = document.getElementById(opener.dataset.opens);
    const closed = drawer.hidden;
    all("[data-drawer]").forEach((other) => { if (other !== drawer && !other.dataset.stays) other.hidden = true; });
    drawer.hidden = drawer.dataset.stays ? false : !closed;
    if (drawer.id === "editor") openEditor();
    if (!drawer.hidden) htmx.trigger(drawer, "opened");
    const first = all("textarea, input:not([type=hidden])", drawer).find((field) => field.offsetParent !== null);
    if (first) first.focus();
  }

  function chosenOption() {
    return one(".option input:checked");
  }

  function openEditor() {
    const editor = one("#editor");
    if (!editor) return;
    one("[name=edited]", editor.form || editor.closest("form")).value = "on";
    one(".decision").classList.remove("folded");
    all(".reply").forEach((reply) => { reply.hidden = true; });
    const option = chosenOption();
    const text = one("[name=reply]", editor);
    if (option && (!text.value || text.dataset.from !== option.value)) {
      if (text.dataset.from !== "typed") text.value = option.dataset.reply;
      text.dataset.from = option.value;
    }
    const amount = one("[name=amount]", editor);
    const field = amount.closest(".field");
    field.hidden = !(option && option.dataset.amount);
    if (option && !amount.value) amount.value = option.dataset.amount || "";
    checkSoon();
  }

  function choose() {
    const option = chosenOption();
    if (!option) return;
    const editor = one("#editor");
    const editing = editor && !editor.hidden;
    all(".reply[data-option]").forEach((reply) => { reply.hidden = editing || reply.dataset.option !== option.value; });
    if (editing) openEditor();
    const why = one("#why-needed");
    if (why) why.textContent = option.value === "0" ? "optional when you approve" : "needed: you decide otherwise than proposed";
    const wrong = one("#wrong-part");
    if (wrong) wrong.hidden = option.value === "0";
    const unlike = one("#unlike");
    if (unlike) unlike.hidden = option.dataset.action === unlike.dataset.line;
    const label = one("#approve-label");
    if (label) label.textContent = option.value === "0" ? label.dataset.approve : label.dataset.override;
  }

  document.addEventListener("change", (event) => {
    if (!event.target.matches(".option input")) return;
    const amount = one("#editor [name=amount]");
    if (amount) amount.value = event.target.dataset.amount || "";  // another option has an amount of its own
    choose();
  });

  // The next case is fetched while this one is read, and stands there the moment this one is decided; what the server
  // answers then takes its place. Until then the decided case is only hidden: whatever fails brings it back as it was.
  let coming = "";
  let asked = 0;
  function lookAhead() {
    coming = "";
    const mine = ++asked;
    if (!one(".ring")) return;
    const view = one("#view");
    fetch(`/reach/peek/?${new URLSearchParams({ view: view ? view.value : "" })}`, { credentials: "same-origin" })
      .then((answer) => (answer.status === 200 ? answer.text() : ""))
      .then((html) => { if (mine === asked) coming = html; })
      .catch(() => {});
  }
  document.addEventListener("htmx:beforeSend", (event) => {
    if (!coming || event.detail.elt.id !== "decide") return;
    const place = one("#case");
    const ahead = document.createElement("div");
    ahead.id = "ahead";
    ahead.innerHTML = coming;
    all("#case > *").forEach((part) => { part.hidden = true; part.dataset.decided = "1"; });
    place.prepend(ahead);
    const heading = one("h1", ahead);
    if (heading) { heading.dataset.from = document.activeElement && document.activeElement.id; heading.focus({ preventScroll: true }); }
  });
  function comeBack() {
    const ahead = one("#ahead");
    if (!ahead) return;
    ahead.remove();
    all("[data-decided]").forEach((part) => { part.hidden = false; delete part.dataset.decided; });
    const words = one("#decide [name=rationale]");
    if (words) words.focus();
  }
  document.addEventListener("htmx:sendError", comeBack);
  document.addEventListener("htmx:responseError", comeBack);
  document.addEventListener("htmx:timeout", comeBack);
  // Somebody else may have taken the case that was shown ahead: nobody decides with the same stroke what came instead.
  const UNSEEN_MS = 800;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const ahead = one("#ahead [data-case]");
    if (event.target.id !== "case" || !ahead) return;
    const came = /data-case="(\d+)"/.exec(event.detail.serverResponse || "");
    if (came && came[1] !== ahead.dataset.case) notBefore = performance.now() + UNSEEN_MS;
  });

  // The editor asks what is to be said of what stands in it, a moment after the last key.
  let checking = null;
  function checkSoon() {
    clearTimeout(checking);
    checking = setTimeout(() => { const check = one("#check"); if (check && !one("#editor").hidden) htmx.trigger(check, "check"); }, 500);
  }
  document.addEventListener("input", (event) => { if (event.target.closest("#editor")) checkSoon(); });

  function tick() {
    const ring = one(".ring[data-since]");
    if (!ring) return;
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(ring.dataset.since)) / 1000));
    one("b", ring).textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const hand = one(".hand", ring);
    hand.style.strokeDasharray = CIRCUMFERENCE;
    hand.style.strokeDashoffset = CIRCUMFERENCE * Math.min(1, seconds / RING_SECONDS);
    ring.classList.toggle("late", seconds > RING_SECONDS);
  }

  function undoTick() {
    const toast = one(".toast[data-until]");
    if (!toast) return;
    const left = Math.ceil((Date.parse(toast.dataset.until) - Date.now()) / 1000);
    if (left <= 0) return toast.remove();
    one(".left", toast).textContent = `${left} s`;
  }

  setInterval(() => { tick(); undoTick(); }, 1000);

  // The lease runs on while the page is open and seen; others see who has the case open.
  function beatOnce() {
    const beat = one("[data-heartbeat]");
    if (!beat || document.hidden) return;
    fetch(beat.dataset.heartbeat, { method: "POST", body: new FormData(beat) }).then((answer) => {
      const lapsed = one("#lapsed");
      if (lapsed) lapsed.hidden = answer.status !== 200 || answer.redirected;  // to the sign-in page
    }).catch(() => {});
  }
  setInterval(beatOnce, 30000);

  // Closing the page lets the case go soon; a page that is only loaded anew says so by its first heartbeat.
  window.addEventListener("pagehide", () => {
    const beat = one("[data-leave]");
    if (beat) navigator.sendBeacon(beat.dataset.leave, new FormData(beat));
  });

  // The queue asks for itself anew; which of its cases is open is known here, and so is what the tab says.
  const PLAIN_TITLE = () => document.title.replace(/^\(\d+\) /, "");
  function markOpen() {
    const here = location.pathname;
    all(".queue-row").forEach((row) => {
      if (new URL(row.href).pathname === here) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
    });
    const queue = one("#queue");
    if (queue) document.title = (Number(queue.dataset.waiting) ? `(${queue.dataset.waiting}) ` : "") + PLAIN_TITLE();
  }

  // A refusal brings the page back: the drawer that was sent is open again, with what was typed and the focus in it,
  // so that the next keys are words and not commands.
  let sent = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!event.detail.target || event.detail.target.id !== "case") return;  // the queue and the numbers ask by themselves
    const drawer = event.target.closest ? event.target.closest("form[data-drawer]") : null;
    sent = drawer ? { id: drawer.id, values: all("textarea, input:not([type=hidden])", drawer).map((field) => field.value) } : null;
  });

  function refused() {
    const alert = one("#case .message.bad[role=alert]:not([hidden])");
    if (!alert) return false;
    const drawer = sent && document.getElementById(sent.id);
    if (drawer) {
      drawer.hidden = false;
      const fields = all("textarea, input:not([type=hidden])", drawer);
      fields.forEach((field, place) => { field.value = sent.values[place]; });
      if (fields.length) fields[0].focus();
    } else {
      alert.tabIndex = -1;
      alert.focus();
    }
    return true;
  }

  function ready() {
    choose(); tick(); undoTick(); markOpen(); beatOnce(); lookAhead();
    const editor = one("#editor");
    if (editor && !editor.hidden) openEditor();
    all("#keys-off").forEach((box) => { box.checked = Boolean(localStorage.getItem(KEYS_OFF)); });
  }

  document.addEventListener("change", (event) => {
    if (event.target.id !== "keys-off") return;
    if (event.target.checked) localStorage.setItem(KEYS_OFF, "1"); else localStorage.removeItem(KEYS_OFF);
  });
  document.addEventListener("DOMContentLoaded", ready);
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "queue") markOpen();
    if (event.target.id !== "case") return;
    ready();
    if (refused()) return;
    const heading = one("#case h1");
    if (heading && !typing(document.activeElement)) heading.focus({ preventScroll: true });
    const brief = one(".brief");
    if (brief) brief.scrollTop = 0;
  });
  document.addEventListener("htmx:sendError", () => { const offline = one("#offline"); if (offline) offline.hidden = false; });
  document.addEventListener("htmx:afterRequest", (event) => { const offline = one("#offline"); if (offline && event.detail.successful) offline.hidden = true; });
})();
