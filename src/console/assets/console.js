// Decisions as they fall. Without this the page is as it was when it was opened.
const lines = document.querySelector("[data-stream]");
if (lines && "EventSource" in window) {
  const live = document.getElementById("live");
  const stream = new EventSource(lines.dataset.stream);
  stream.addEventListener("lines", (event) => { lines.innerHTML = event.data; });
  stream.addEventListener("open", () => { live.textContent = "live"; });
  stream.addEventListener("error", () => { live.textContent = "connecting"; });
  window.addEventListener("pagehide", () => stream.close());
}
