// The viewer: layers of one picture in linked panes, and two of them under a divider.
//
// All canvases of a viewer share one view: the centre of what is visible and the visible share of the width.
// Pixels are read from the images of the page themselves, so what is shown under the pointer is what was written.
"use strict";
(function () {
  // Cividis, readable with any colour vision: places and colours, in between straight lines.
  const CIVIDIS = [[0, 0, 32, 77], [0.25, 66, 78, 108], [0.5, 124, 123, 120], [0.75, 187, 174, 104], [1, 255, 234, 70]];
  const DOUBT = [213, 94, 0];

  function shade(share) {
    const above = CIVIDIS.findIndex((stop) => stop[0] >= share);
    const to = CIVIDIS[Math.max(1, above)], from = CIVIDIS[Math.max(1, above) - 1];
    const part = (share - from[0]) / (to[0] - from[0]);
    return [1, 2, 3].map((channel) => from[channel] + part * (to[channel] - from[channel]));
  }

  function canvasOf(width, height) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    return canvas;
  }

  // An image of the page with its pixels: `drawn` is what is painted, `data` what was written.
  function layerOf(figure) {
    const image = figure.querySelector("img");
    const drawn = canvasOf(image.naturalWidth, image.naturalHeight);
    const context = drawn.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const data = context.getImageData(0, 0, drawn.width, drawn.height);
    const full = figure.dataset.full ? Number(figure.dataset.full) : null;
    let veil = null;
    if (full !== null) {
      const coloured = context.createImageData(drawn.width, drawn.height);
      const doubt = context.createImageData(drawn.width, drawn.height);
      const table = Array.from({ length: 256 }, (_, value) => shade(value / 255));
      for (let at = 0; at < data.data.length; at += 4) {
        const value = data.data[at];
        coloured.data.set([...table[value], 255], at);
        doubt.data.set([...DOUBT, value], at);
      }
      context.putImageData(coloured, 0, 0);
      veil = canvasOf(drawn.width, drawn.height);
      veil.getContext("2d").putImageData(doubt, 0, 0);
    }
    return { name: figure.dataset.layer, drawn, veil, data, full };
  }

  class Viewer {
    constructor(root) {
      this.root = root;
      this.size = { width: Number(root.dataset.width), height: Number(root.dataset.height) };
      this.view = { x: 0.5, y: 0.5, share: 1 };
      this.split = 0.5;
      this.pointer = null;
      this.layers = new Map();
      this.canvases = [];
      this.compare = root.querySelector(".compare");
      for (const figure of root.querySelectorAll("figure")) {
        if (!figure.querySelector("img")) continue;
        const layer = layerOf(figure);
        this.layers.set(layer.name, layer);
        const canvas = figure.querySelector("canvas");
        this.canvases.push({ canvas, layers: () => [layer] });
        figure.querySelector(".pane").classList.add("live");
      }
      if (!this.layers.size) {
        root.classList.add("empty");
        return;
      }
      this.canvases.unshift({ canvas: this.compare, layers: () => [this.left, this.right] });
      this.choose();
      this.listen();
      new ResizeObserver(() => this.draw()).observe(root);
      this.draw();
    }

    choose() {
      const names = [...this.layers.keys()];
      for (const [side, wanted] of [["left", ["measured"]], ["right", ["restored", "best so far", "similar patches"]]]) {
        const select = this.root.querySelector(`select.${side}`);
        for (const name of names) select.add(new Option(name, name));
        select.value = wanted.find((name) => this.layers.has(name)) || names[side === "left" ? 0 : names.length - 1];
        select.addEventListener("change", () => this.draw());
      }
      const overlay = this.root.querySelector(".overlay");
      overlay.hidden = !this.layers.has("uncertainty");
      overlay.querySelector("input").addEventListener("change", () => this.draw());
    }

    get left() { return this.layers.get(this.root.querySelector("select.left").value); }
    get right() { return this.layers.get(this.root.querySelector("select.right").value); }
    get doubt() {
      return this.root.querySelector(".overlay input").checked ? this.layers.get("uncertainty") : null;
    }

    listen() {
      const divider = this.root.querySelector(".divider");
      divider.addEventListener("input", () => { this.split = Number(divider.value) / 100; this.draw(); });
      const press = (name, action) => this.root.querySelector(`button.${name}`).addEventListener("click", action);
      press("in", () => this.zoom(1 / 1.5));
      press("out", () => this.zoom(1.5));
      press("fit", () => this.look({ x: 0.5, y: 0.5, share: 1 }));
      press("one", () => this.look({ ...this.view, share: this.compare.clientWidth / this.size.width }));
      this.compare.addEventListener("keydown", (event) => this.key(event));
      for (const { canvas } of this.canvases) this.listenTo(canvas);
    }

    listenTo(canvas) {
      const held = new Map();
      let spread = 0;
      const distance = () => { const [a, b] = [...held.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
      canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        held.set(event.pointerId, { x: event.clientX, y: event.clientY });
        if (held.size === 2) spread = distance();
        canvas.focus({ preventScroll: true });
        const near = Math.abs(this.place(canvas, event).across - this.split) * canvas.clientWidth < 28;
        held.dividing = canvas === this.compare && held.size === 1 && (near || this.view.share >= 1);
        if (held.dividing) this.divide(canvas, event);
      });
      canvas.addEventListener("pointermove", (event) => {
        const before = held.get(event.pointerId);
        if (before) {
          held.set(event.pointerId, { x: event.clientX, y: event.clientY });
          if (held.size === 2) {
            const now = distance();
            this.zoom(spread / Math.max(now, 1), this.place(canvas, event));
            spread = now;
          } else if (held.dividing) {
            this.divide(canvas, event);
          } else {
            const shares = this.visible(canvas);
            this.look({
              ...this.view,
              x: this.view.x - ((event.clientX - before.x) / canvas.clientWidth) * shares.width,
              y: this.view.y - ((event.clientY - before.y) / canvas.clientHeight) * shares.height,
            });
          }
        }
        this.pointer = this.place(canvas, event);
        this.draw();
      });
      const release = (event) => held.delete(event.pointerId);
      canvas.addEventListener("pointerup", release);
      canvas.addEventListener("pointercancel", release);
      canvas.addEventListener("pointerleave", () => { this.pointer = null; this.draw(); });
      canvas.addEventListener("wheel", (event) => {
        // The page scrolls as everywhere until somebody has clicked into the picture, or holds Ctrl.
        if (!event.ctrlKey && !this.root.contains(document.activeElement)) return;
        event.preventDefault();
        this.zoom(Math.exp(event.deltaY * 0.0015), this.place(canvas, event));
      }, { passive: false });
      canvas.addEventListener("dblclick", () => this.look({ x: 0.5, y: 0.5, share: 1 }));
    }

    key(event) {
      const step = this.view.share * 0.1;
      const moves = {
        ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step],
      };
      if (event.key in moves && this.view.share < 1) {
        const [x, y] = moves[event.key];
        this.look({ ...this.view, x: this.view.x + x, y: this.view.y + y });
      } else if (event.key === "+" || event.key === "=") this.zoom(1 / 1.5);
      else if (event.key === "-") this.zoom(1.5);
      else if (event.key === "0") this.look({ x: 0.5, y: 0.5, share: 1 });
      else if (event.key === "1") this.root.querySelector("button.one").click();
      else if (event.key === "[" || event.key === "]") this.slide(this.split + (event.key === "[" ? -0.05 : 0.05));
      else return;
      event.preventDefault();
    }

    // Where the pointer is: `across` the canvas, and in the picture, all in shares of their widths and heights.
    place(canvas, event) {
      const box = canvas.getBoundingClientRect(), shares = this.visible(canvas);
      const across = (event.clientX - box.left) / box.width, down = (event.clientY - box.top) / box.height;
      return {
        across,
        x: this.view.x + (across - 0.5) * shares.width,
        y: this.view.y + (down - 0.5) * shares.height,
      };
    }

    // How much of the picture's width and height a canvas shows.
    visible(canvas) {
      const ratio = (canvas.clientHeight / canvas.clientWidth) * (this.size.width / this.size.height);
      return { width: this.view.share, height: this.view.share * ratio };
    }

    divide(canvas, event) { this.slide(this.place(canvas, event).across); }

    slide(split) {
      this.split = Math.min(1, Math.max(0, split));
      this.root.querySelector(".divider").value = this.split * 100;
      this.draw();
    }

    zoom(factor, about) {
      const most = Math.max(4, this.compare.clientWidth / this.size.width);
      const share = Math.min(Math.max(this.view.share * factor, 8 / this.size.width), most);
      const change = share / this.view.share, at = about || this.view;
      this.look({ share, x: at.x + (this.view.x - at.x) * change, y: at.y + (this.view.y - at.y) * change });
    }

    look(view) {
      const half = Math.min(view.share / 2, 0.5);
      view.x = Math.min(1 - half, Math.max(half, view.x));
      view.y = Math.min(1 - half, Math.max(half, view.y));
      this.view = view;
      this.draw();
    }

    draw() {
      if (this.waiting) return;
      this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.paint(); });
    }

    paint() {
      for (const { canvas, layers } of this.canvases) this.paintOn(canvas, layers());
      const tags = { left: this.left.name, right: this.right.name };
      for (const side of ["left", "right"]) this.root.querySelector(`.tag.${side}`).textContent = tags[side];
      this.root.dataset.view = [this.view.x, this.view.y, this.view.share].map((v) => v.toFixed(4)).join(" ");
      this.root.dataset.split = this.split.toFixed(3);
      this.root.dataset.painted ||= performance.now().toFixed(0);
      this.root.classList.toggle("enlarged", this.view.share < 1);
      this.read();
    }

    paintOn(canvas, layers) {
      const ratio = window.devicePixelRatio || 1;
      const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
      if (!width || !height) return;
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, width, height);
      const shares = this.visible(canvas);
      const frame = {
        width: width / shares.width, height: height / shares.height,
        x: width / 2 - (this.view.x * width) / shares.width, y: height / 2 - (this.view.y * height) / shares.height,
      };
      const cut = layers.length === 2 ? Math.round(this.split * width) : width;
      this.layer(context, layers[0], frame, 0, cut, height);
      if (layers.length === 2) {
        this.layer(context, layers[1], frame, cut, width, height);
        context.fillStyle = "#fff";
        context.fillRect(cut - ratio, 0, 2 * ratio, height);
        context.fillStyle = "rgba(0,0,0,.55)";
        context.fillRect(cut - 2 * ratio, 0, ratio, height);
        context.fillRect(cut + ratio, 0, ratio, height);
      }
      if (this.pointer) this.cross(context, frame, ratio);
      canvas.dataset.frame = [frame.x / width, frame.y / height, frame.width / width].map((v) => (Math.round(v * 100) / 100 || 0).toFixed(2)).join(" ");
    }

    layer(context, layer, frame, from, to, height) {
      context.save();
      context.beginPath();
      context.rect(from, 0, to - from, height);
      context.clip();
      context.imageSmoothingEnabled = frame.width < layer.drawn.width;
      context.imageSmoothingQuality = "high";
      context.drawImage(layer.drawn, frame.x, frame.y, frame.width, frame.height);
      if (this.doubt && (layer.name === "restored" || layer.name === "best so far")) {
        context.drawImage(this.doubt.veil, frame.x, frame.y, frame.width, frame.height);
      }
      context.restore();
    }

    cross(context, frame, ratio) {
      const x = frame.x + this.pointer.x * frame.width, y = frame.y + this.pointer.y * frame.height;
      context.lineWidth = ratio;
      for (const [colour, off] of [["rgba(0,0,0,.6)", ratio], ["rgba(255,255,255,.9)", 0]]) {
        context.strokeStyle = colour;
        context.beginPath();
        context.moveTo(x - 7 * ratio + off, y + off); context.lineTo(x + 7 * ratio + off, y + off);
        context.moveTo(x + off, y - 7 * ratio + off); context.lineTo(x + off, y + 7 * ratio + off);
        context.stroke();
      }
    }

    // The pixel under the pointer, in every layer.
    read() {
      const output = this.root.querySelector(".readout");
      if (!this.words) this.words = output.textContent;
      const at = this.pointer;
      if (!at || at.x < 0 || at.x >= 1 || at.y < 0 || at.y >= 1) {
        output.textContent = this.words;
        return;
      }
      const parts = [`x ${Math.floor(at.x * this.size.width)}, y ${Math.floor(at.y * this.size.height)}`];
      for (const { name, data, full } of this.layers.values()) {
        const column = Math.floor(at.x * data.width), row = Math.floor(at.y * data.height);
        const [red, green, blue, alpha] = data.data.slice(4 * (row * data.width + column));
        if (full !== null) parts.push(`${name} ${(red * full).toFixed(1)}${red === 255 ? " or more" : ""}`);
        else if (alpha === 0) parts.push(`${name} missing`);
        else parts.push(`${name} ${red === green && green === blue ? red : `${red} ${green} ${blue}`}`);
      }
      output.textContent = parts.join(" · ");
    }
  }

  function whenLoaded(root, action) {
    const images = [...root.querySelectorAll("img")];
    Promise.all(images.map((image) => image.decode().catch(() => null))).then(action);
  }

  const viewers = [];
  for (const root of document.querySelectorAll(".viewer")) whenLoaded(root, () => viewers.push(new Viewer(root)));
})();
