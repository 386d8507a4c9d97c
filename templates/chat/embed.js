"use strict";
// Puts the chat of {{ widget.partner.slug|escapejs }} into a page: a button at its lower edge, and the chat in a frame above it.
(() => {
  if (document.getElementById("remit-chat")) return;
  const address = "{{ site|escapejs }}{% url 'chat:page' widget.reference %}";
  const holder = document.createElement("div");
  holder.id = "remit-chat";
  const root = holder.attachShadow({ mode: "open" });
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Chat";
  button.setAttribute("aria-expanded", "false");
  Object.assign(button.style, {
    position: "fixed", right: "20px", bottom: "20px", zIndex: "2147483000", padding: "0 22px", minHeight: "48px", border: "0",
    borderRadius: "24px", background: "{{ widget.colour|escapejs }}", color: "#fff", font: "600 16px system-ui, sans-serif", cursor: "pointer",
  });
  let frame = null;
  const show = (open) => {
    if (open && !frame) {
      frame = document.createElement("iframe");
      frame.src = address;
      frame.title = "Chat";
      Object.assign(frame.style, {
        position: "fixed", right: "20px", bottom: "80px", zIndex: "2147483000", width: "min(380px, calc(100vw - 40px))",
        height: "min(600px, calc(100vh - 110px))", border: "1px solid rgba(0, 0, 0, .18)", borderRadius: "12px", background: "#fff",
      });
      root.append(frame);
    }
    if (frame) frame.hidden = !open;
    button.textContent = open ? "Close" : "Chat";
    button.setAttribute("aria-expanded", String(open));
    if (open) frame.focus(); else button.focus();
  };
  button.addEventListener("click", () => show(!frame || frame.hidden));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && frame && !frame.hidden) show(false); });
  root.append(button);
  document.body.append(holder);
})();
