"use strict";
// What the page can do beyond being read: find a call, copy an example, and make a call to the gateway it came from.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const key = document.getElementById("key");
  key.closest(".key").hidden = false;

  for (const block of all(".code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(block.querySelector("pre").textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block.querySelector("code"));
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    block.append(button);
  }

  document.getElementById("find").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of all("nav li")) {
      const call = document.getElementById(item.querySelector("a").hash.slice(1));
      const text = (item.textContent + " " + call.querySelector(".what").textContent).toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
  });

  const shown = (text) => {
    try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
  };
  for (const call of all(".try")) {
    call.hidden = false;
    const said = call.querySelector(".said");
    call.querySelector("button").addEventListener("click", async () => {
      const path = call.querySelector(".path").value;
      if (!path.startsWith("/") || path.startsWith("//") || path.startsWith("/\\")) {
        said.textContent = "The path must begin with one slash: calls go to this gateway alone.";
        return;
      }
      const headers = {};
      if (key.value) headers.Authorization = "Bearer " + key.value;
      if (call.dataset.type) headers["Content-Type"] = call.dataset.type;
      const body = call.querySelector("textarea")?.value;
      said.textContent = "…";
      const begun = performance.now();
      try {
        const answer = await fetch(path, { method: call.dataset.method, headers, body, credentials: "omit", redirect: "error" });
        const text = await answer.text();
        const took = Math.round(performance.now() - begun);
        const told = ["content-type", "idempotency-replayed", "retry-after"].filter((name) => answer.headers.has(name));
        const lines = told.map((name) => name + ": " + answer.headers.get(name));
        said.textContent = [answer.status + " " + answer.statusText + " (" + took + " ms)", ...lines, "", shown(text)].join("\n");
      } catch (error) {
        said.textContent = "No answer: " + error.message;
      }
    });
  }
})();
