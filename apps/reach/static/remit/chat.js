"use strict";
// The chat page. What was said is kept on the server; here stands only the token that opens it again, in this frame's own storage.
(() => {
  const SOON = 1000, LATER = 6000, SELDOM = 30000, BUSY_FOR = 60000, IDLE_AFTER = 600000, OVERLAP = 50;
  const WORDS = { reading: "We are reading your message …", person: "A person on our team looks at this.", quiet: "", none: "" };
  const WHO = { ai: "Automatic answer", person: "Our team" };
  const lines = document.getElementById("lines"), form = document.getElementById("say"), text = document.getElementById("text");
  const goesOn = document.getElementById("goes-on"), refused = document.getElementById("refused"), button = form.querySelector("button");
  const key = `remit-chat-${document.body.dataset.widget}`;
  const known = new Set();  // an answer may be written before a message and be seen after it
  let last = 0, token = "", active = Date.now(), timer = 0, closed = false;
  const name = crypto.randomUUID ? crypto.randomUUID() : "";  // so that a first message that is sent again begins no second case

  function stored(value) {  // a browser may keep nothing for a frame: then the chat lasts as long as the page
    try {
      if (value === undefined) return localStorage.getItem(key) || "";
      localStorage.setItem(key, value);
    } catch { /* nothing is kept */ }
    return value || "";
  }

  function wear(colour) {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    document.body.style.setProperty("--chat", colour);
    document.body.style.setProperty("--on-chat", 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff");
  }

  function put(line) {
    const row = document.createElement("p");
    row.className = `line ${line.who === "you" ? "yours" : "theirs"}`;
    if (WHO[line.who]) {
      const who = document.createElement("span");
      who.className = "who";
      who.textContent = WHO[line.who];
      row.append(who);
    }
    row.append(line.text);
    lines.append(row);
    lines.scrollTop = lines.scrollHeight;
    return row;
  }

  function take(news) {
    for (const line of news.lines) {
      if (known.has(line.number)) continue;
      known.add(line.number);
      last = Math.max(last, line.number);
      put(line);
      active = Date.now();
    }
    const words = WORDS[news.goes_on] || "";
    if (goesOn.textContent !== words) goesOn.textContent = words;

  }

  async function ask(path, options = {}) {
    const answer = await fetch(path, { ...options, headers: token ? { "X-Remit-Chat": token } : {}, credentials: "omit" });
    const said = await answer.json();
    if (!answer.ok) throw Object.assign(new Error("refused"), { refused: said.refused });
    return said;
  }

  function again() {
    clearTimeout(timer);
    if (document.hidden || closed) return;  // whoever comes back hears at once
    const idle = Date.now() - active;
    timer = setTimeout(listen, idle > IDLE_AFTER ? SELDOM : idle > BUSY_FOR ? LATER : SOON);
  }

  async function listen() {
    if (token) {
      try {
        take(await ask(`news/?after=${Math.max(0, last - OVERLAP)}`));
        if (refused.dataset.lost) { refused.textContent = ""; delete refused.dataset.lost; }
      } catch {
        refused.textContent = "The connection is lost. We try again.";
        refused.dataset.lost = "1";
      }
    }
    again();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = text.value.trim();
    if (!said || button.disabled) return;
    clearTimeout(timer);
    button.disabled = true;
    refused.textContent = "";
    const row = put({ who: "you", text: said });
    row.classList.add("waiting");
    text.value = "";
    try {
      const news = await ask(`say/?after=${Math.max(0, last - OVERLAP)}`, { method: "POST", body: new URLSearchParams({ text: said, name: token ? "" : name }) });
      row.remove();
      token = stored(news.token);
      take(news);
    } catch (problem) {  // what was typed is given back
      row.remove();
      text.value = said;
      refused.textContent = problem.refused || "It could not be sent. Try again.";
    }
    button.disabled = false;
    active = Date.now();
    text.focus();
    again();
  });

  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) listen(); });

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || window.parent === window) return;
    if (event.data === "remit: closed") { closed = true; clearTimeout(timer); }
    if (event.data === "remit: opened") { closed = false; listen(); text.focus(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && window.parent !== window) window.parent.postMessage("remit: close", "*");
  });

  wear(document.body.dataset.colour);
  token = stored();
  document.body.dataset.ready = "yes";
  listen();
})();
