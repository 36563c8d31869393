// Draws each figure when it comes near the screen, and shows the candidate whose mark is clicked.
// Colours of text, grid and paper come from the style sheet alone.
"use strict";
(function () {
  function numberAt(point) {
    const meta = point.data.meta;
    if (meta && meta.starts) {
      let low = 0, high = meta.starts.length - 1;
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (meta.starts[middle] <= point.pointNumber) low = middle;
        else high = middle - 1;
      }
      return meta.numbers[low];
    }
    return Array.isArray(point.customdata) ? point.customdata[0] : point.customdata;
  }

  function draw(place) {
    if (place.dataset.drawn) return Promise.resolve();
    place.dataset.drawn = "yes";
    const script = document.querySelector(`script[data-plot="${place.id}"]`);
    const figure = JSON.parse(script.textContent);
    script.remove();
    return Plotly.newPlot(place, figure.data, figure.layout, figure.config).then(() => {
      place.on("plotly_click", (event) => {
        const numbers = event.points.map(numberAt).filter((number) => number !== undefined && number !== null);
        if (numbers.length) document.dispatchEvent(new CustomEvent("candidate", { detail: numbers[0] }));
      });
    });
  }

  const places = [...document.querySelectorAll(".plot")];
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { watch.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "400px" });
  for (const place of places) watch.observe(place);
  addEventListener("beforeprint", () => places.forEach(draw));

  // What is only shown on demand: the traces of a group, named in their `meta.shown`.
  for (const button of document.querySelectorAll("button.on-demand")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      const place = document.getElementById("plot-curves");
      draw(place).then(() => {
        const traces = place.data.flatMap((trace, index) => (trace.meta && trace.meta.shown === button.dataset.shows ? [index] : []));
        if (traces.length) Plotly.restyle(place, { visible: shown }, traces);
      });
    });
  }

  const theme = document.querySelector("button.theme");
  if (theme) {
    theme.addEventListener("click", () => {
      const root = document.documentElement;
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
    });
  }
})();
