"use strict";
// Puts the chat of {{ widget.partner.slug|escapejs }} into a page: a button at its lower edge, and the chat in a frame above it.
(() => {
  if (document.getElementById("remit-chat")) return;
  const address = "{{ site|escapejs }}{% url 'chat:page' widget.reference %}";
  const colour = "{{ widget.colour|escapejs }}";
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const isLight = 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18;
  const holder = document.createElement("div");
  holder.id = "remit-chat";
  const root = holder.attachShadow({ mode: "open" });
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Chat";
  button.setAttribute("aria-expanded", "false");
  Object.assign(button.style, {
    position: "fixed", right: "20px", bottom: "20px", zIndex: "2147483000", padding: "0 22px", minHeight: "48px", border: "0",
    borderRadius: "24px", background: colour, color: isLight ? "#000" : "#fff", font: "600 16px system-ui, sans-serif", cursor: "pointer",
  });
  let frame = null, loaded = false;
  const show = (open) => {
    if (open && !frame) {
      frame = document.createElement("iframe");
      frame.src = address;
      frame.title = "Chat";
      frame.addEventListener("load", () => { loaded = true; });
      Object.assign(frame.style, {
        position: "fixed", right: "20px", bottom: "80px", zIndex: "2147483000", width: "min(380px, calc(100vw - 40px))",
        height: "min(600px, calc(100dvh - 110px))", border: "1px solid rgba(0, 0, 0, .18)", borderRadius: "12px", background: "#fff",
      });
      root.append(frame);
    }
    if (frame) {
      frame.hidden = !open;
      if (loaded) frame.contentWindow.postMessage(open ? "remit: opened" : "remit: closed", new URL(address).origin);
    }
    button.textContent = open ? "Close" : "Chat";
    button.setAttribute("aria-expanded", String(open));
    if (open) frame.focus(); else button.focus();
  };
  button.addEventListener("click", () => show(!frame || frame.hidden));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && frame && !frame.hidden) show(false); });
  window.addEventListener("message", (event) => {
    if (frame && event.source === frame.contentWindow && event.data === "remit: close") show(false);
  });
  root.append(button);
  const place = () => document.body.append(holder);
  if (document.body) place(); else document.addEventListener("DOMContentLoaded", place);
})();
