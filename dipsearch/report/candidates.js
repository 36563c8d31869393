// Shows one candidate beside the page: its drawing, its genes and what was said about it.
// Everything is set as text; only the drawing, which the page's writer has made and escaped, is markup.
"use strict";
(function () {
  const panel = document.getElementById("candidate");
  let dossiers = null, current = 0, cameFrom = null;

  function unpack() {
    if (dossiers) return dossiers;
    const packed = document.getElementById("dossiers").textContent.trim();
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    dossiers = new Response(stream).json();
    return dossiers;
  }

  function element(tag, words, name) {
    const made = document.createElement(tag);
    if (words !== undefined) made.textContent = words;
    if (name) made.className = name;
    return made;
  }

  function pairs(rows) {
    const list = element("dl");
    for (const [label, value] of rows) list.append(element("dt", label), element("dd", value));
    return list;
  }

  function fill(dossier) {
    document.getElementById("candidate-title").textContent = `Candidate ${dossier.number}`;
    const inside = panel.querySelector(".inside");
    inside.replaceChildren(element("p", dossier.title, "lead"));
    if (dossier.drawing) {
      const drawing = element("div");
      drawing.innerHTML = dossier.drawing;
      inside.append(drawing);
    }
    inside.append(pairs(dossier.facts));
    if (dossier.parents.length) {
      const line = element("p", "parents: ");
      for (const parent of dossier.parents) {
        const button = element("button", String(parent), "candidate");
        button.type = "button";
        button.dataset.candidate = parent;
        line.append(button, " ");
      }
      inside.append(line);
    }
    if (dossier.changes.length) {
      inside.append(element("h3", "Changed against the first parent"));
      const list = element("ul");
      for (const change of dossier.changes) list.append(element("li", change));
      inside.append(list);
    }
    if (dossier.genes.length) inside.append(element("h3", "Genes"), pairs(dossier.genes));
  }

  async function show(number) {
    const all = await unpack();
    const at = all.findIndex((dossier) => dossier.number === number);
    if (at < 0) return;
    current = at;
    fill(all[at]);
    if (panel.hidden) cameFrom = document.activeElement;
    panel.hidden = false;
    panel.scrollTop = 0;
    panel.dataset.number = number;
    panel.focus({ preventScroll: true });
  }

  function close() {
    panel.hidden = true;
    if (cameFrom) cameFrom.focus({ preventScroll: true });
  }

  async function turn(step) {
    const all = await unpack();
    const next = all[Math.min(all.length - 1, Math.max(0, current + step))];
    show(next.number);
  }

  document.addEventListener("candidate", (event) => show(Number(event.detail)));
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.candidate !== undefined) show(Number(button.dataset.candidate));
    if (button.classList.contains("more")) {
      button.parentElement.querySelectorAll("tbody[hidden]").forEach((body) => { body.hidden = false; });
      button.hidden = true;
    }
    if (button.classList.contains("copy")) {
      const words = button.parentElement.querySelector("pre");
      getSelection().selectAllChildren(words);
      let copied = document.execCommand("copy");
      if (!copied && navigator.clipboard) copied = await navigator.clipboard.writeText(words.textContent).then(() => true, () => false);
      button.textContent = copied ? "copied" : "press Ctrl-C";
    }
  });
  panel.querySelector(".close").addEventListener("click", close);
  panel.querySelector(".previous").addEventListener("click", () => turn(-1));
  panel.querySelector(".next").addEventListener("click", () => turn(1));
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "ArrowLeft") turn(-1);
    else if (event.key === "ArrowRight") turn(1);
    else return;
    event.preventDefault();
  });
})();
