// SPDX-License-Identifier: GPL-2.0-or-later
// Enlarges the time axis, and finds the record nearest to a click. The page is whole without it.
"use strict";
(() => {
  const axis = document.getElementById("axis"), ticks = document.getElementById("ticks");
  const drag = document.getElementById("drag"), cursor = document.getElementById("cursor");
  const rows = [...document.querySelectorAll("#records tbody tr")].sort((a, b) => a.dataset.t - b.dataset.t);
  const places = Number(axis.dataset.places), seconds = Number(axis.dataset.seconds);
  const height = axis.viewBox.baseVal.height, TICKS = 6, LEAST = 16;
  let from = 0, to = places, held = null;

  const time = place => place / places * seconds;
  function words(value) {
    for (const [unit, size] of [["s", 1], ["ms", 1e-3], ["µs", 1e-6]])
      if (value >= size) return `${Number((value / size).toPrecision(6))} ${unit}`;
    return `${Math.round(value * 1e9)} ns`;
  }
  function show(first, last) {
    const wide = Math.min(Math.max(last - first, LEAST), places);
    from = Math.min(Math.max(first, 0), places - wide);
    to = from + wide;
    axis.setAttribute("viewBox", `${from} 0 ${wide} ${height}`);
    ticks.replaceChildren(...Array.from({length: TICKS + 1}, (_, tick) => {
      const made = document.createElement("span");
      made.textContent = words(time(from + wide * tick / TICKS));
      return made;
    }));
    document.getElementById("view").textContent = `${words(time(wide))} of ${words(seconds)}`;
  }
  function at(event) {
    const box = axis.getBoundingClientRect();
    return from + (to - from) * Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  }
  function find(place) {
    let low = 0, high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(rows[middle].dataset.t) < time(place)) low = middle + 1; else high = middle;
    }
    const near = [rows[low - 1], rows[low]].filter(Boolean);
    const away = row => Math.abs(Number(row.dataset.t) - time(place));
    const row = near.sort((a, b) => away(a) - away(b))[0];
    document.querySelector("tr.here")?.classList.remove("here");
    if (row) { row.classList.add("here"); row.scrollIntoView({block: "nearest"}); }
    cursor.setAttribute("x1", place); cursor.setAttribute("x2", place);
    cursor.style.visibility = "visible";
  }
  function mark(place) {
    drag.setAttribute("x", Math.min(held, place));
    drag.setAttribute("width", Math.abs(place - held));
  }
  axis.addEventListener("pointerdown", event => { held = at(event); axis.setPointerCapture(event.pointerId); });
  axis.addEventListener("pointermove", event => { if (held !== null) mark(at(event)); });
  axis.addEventListener("pointerup", event => {
    const start = held, end = at(event);
    held = null;
    drag.setAttribute("width", 0);
    if (start === null) return;
    if (Math.abs(end - start) > (to - from) / 200) show(Math.min(start, end), Math.max(start, end)); else find(end);
  });
  axis.addEventListener("pointercancel", () => { held = null; drag.setAttribute("width", 0); });
  axis.addEventListener("dblclick", () => show(0, places));
  const deeds = {
    all: () => show(0, places),
    part: button => show(Number(button.dataset.begin), Number(button.dataset.end)),
    in: () => show(from + (to - from) / 4, to - (to - from) / 4),
    out: () => show(from - (to - from) / 2, to + (to - from) / 2),
    left: () => show(from - (to - from) / 2, to - (to - from) / 2),
    right: () => show(from + (to - from) / 2, to + (to - from) / 2),
  };
  for (const button of document.querySelectorAll("button[data-do]"))
    button.addEventListener("click", () => deeds[button.dataset.do](button));
  document.getElementById("driver").click();
})();
