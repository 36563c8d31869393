// Draws every figure of the page in the colours that the style sheet has chosen, and again when they change.
"use strict";
(function () {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function draw(script) {
    const figure = JSON.parse(script.textContent);
    const layout = figure.layout;
    layout.font = { color: colour("--ink"), family: "system-ui, sans-serif", size: 13 };
    for (const axis of [layout.xaxis, layout.yaxis]) {
      axis.gridcolor = colour("--line");
      axis.linecolor = colour("--line");
    }
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: colour("--line"), activecolor: colour("--quiet") };
    Plotly.react(script.dataset.plot, figure.data, layout, figure.config);
  }

  function drawAll() {
    document.querySelectorAll("script[data-plot]").forEach(draw);
  }

  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
