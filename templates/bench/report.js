"use strict";
(async () => {
  const holder = document.getElementById("report");
  const tip = document.getElementById("tip");
  const TOKENS = 20000;

  async function reportText() {
    if (holder.dataset.packed !== "gzip") return holder.textContent;
    const bytes = Uint8Array.from(atob(JSON.parse(holder.textContent)), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  const time = (ms) => {
    const three = (value) => (Math.abs(value) >= 99.95 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
    if (ms === 0) return "0";
    return ms >= 999.5 ? `${three(ms / 1000)} s` : `${three(ms)} ms`;
  };

  function steps(from, until) {
    const rough = (until - from) / 6;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough);
    const found = [];
    for (let at = Math.ceil(from / step) * step; at <= until; at += step) found.push(Math.abs(at) < step / 1e6 ? 0 : at);
    return found;
  }

  function told(request) {
    const lines = [`Request ${request.number}`];
    if (request.turn) lines[0] += `, turn ${request.turn + 1}`;
    if (request.sent_ms !== null) lines.push(`sent at ${time(request.sent_ms)}`);
    if (request.due_ms !== null && request.sent_ms !== null) lines.push(`${time(request.sent_ms - request.due_ms)} after it was due`);
    if (request.ttft_ms !== null) lines.push(`TTFT ${time(request.ttft_ms)}`);
    if (request.e2e_ms !== null) lines.push(`E2E ${time(request.e2e_ms)}`);
    if (request.gaps_us.length) lines.push(`largest gap ${time(request.gaps_us.reduce((a, b) => Math.max(a, b)) / 1000)}`);
    lines.push(`${request.prompt_tokens ?? "?"} tokens in, ${request.output_tokens} out`);
    if (request.failure !== null) lines.push(`failed: ${request.failure}`);
    return lines.join("\n");
  }

  const began = (request) => Math.min(...[request.due_ms, request.sent_ms, request.ended_ms].filter((at) => at !== null));

  function panel(element, log) {
    const lanes = JSON.parse(element.querySelector(".lanes").textContent);
    const plots = [...element.querySelectorAll("[data-timed]")];
    const length = plots[0].querySelector("svg").viewBox.baseVal.width;
    const byLane = [];
    log.forEach((request, place) => (byLane[lanes[place]] ??= []).push(request));
    let from = 0;
    let until = length;

    const overlays = plots.map((plot) => {
      const made = { plot, svg: plot.querySelector("svg") };
      for (const name of ["cross", "picked"]) {
        made[name] = document.createElement("div");
        made[name].className = name;
        plot.append(made[name]);
      }
      return made;
    });
    const tokens = document.createElementNS("http://www.w3.org/2000/svg", "path");
    tokens.setAttribute("class", "token");
    overlays[0].svg.append(tokens);

    function drawTokens() {
      const parts = [];
      if (until - from < length / 2 || log.length < 40) {
        for (const [place, request] of log.entries()) {
          if (request.sent_ms === null || request.ttft_ms === null || request.ended_ms < from || request.sent_ms > until) continue;
          let at = request.sent_ms + request.ttft_ms;
          for (const gap of [0, ...request.gaps_us]) {
            at += gap / 1000;
            if (at >= from && at <= until) parts.push(`M${at.toFixed(1)} ${lanes[place] + 0.15}v.7`);
          }
          if (parts.length > TOKENS) break;
        }
      }
      tokens.setAttribute("d", parts.length > TOKENS ? "" : parts.join(""));
    }

    function show(low, high) {
      const least = Math.min(length, 5);
      const width = Math.min(length, Math.max(least, high - low));
      from = Math.min(Math.max(0, (low + high - width) / 2), length - width);
      until = from + width;
      for (const { svg } of overlays) {
        const box = svg.viewBox.baseVal;
        svg.setAttribute("viewBox", `${from} ${box.y} ${width} ${box.height}`);
      }
      for (const row of element.querySelectorAll("[data-ticks]")) {
        row.replaceChildren(...steps(from, until).map((at) => {
          const mark = document.createElement("span");
          mark.style.left = `${((at - from) / width) * 100}%`;
          mark.style.transform = `translateX(-${mark.style.left})`;
          mark.textContent = time(at);
          return mark;
        }));
      }
      element.querySelector("[data-do=out]").disabled = element.querySelector("[data-do=all]").disabled = width >= length;
      drawTokens();
    }

    const share = (event, plot) => {
      const box = plot.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    };
    const at = (event, plot) => from + share(event, plot) * (until - from);

    function point(event, { plot, svg }) {
      for (const other of overlays) {
        other.cross.style.display = "block";
        other.cross.style.left = `${share(event, plot) * 100}%`;
      }
      const box = plot.getBoundingClientRect();
      let text = time(at(event, plot));
      if (svg === overlays[0].svg) {
        const lane = Math.floor(((event.clientY - box.top) / box.height) * svg.viewBox.baseVal.height);
        const slack = ((until - from) / box.width) * 3;
        const found = (byLane[lane] ?? []).find((one) => began(one) - slack <= at(event, plot) && at(event, plot) <= one.ended_ms + slack);
        if (found) text += `\n${told(found)}`;
      }
      tip.textContent = text;
      tip.style.display = "block";
      tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
      tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8)}px`;
    }

    let start = null;
    for (const over of overlays) {
      const { plot } = over;
      plot.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        start = share(event, plot);
        plot.setPointerCapture(event.pointerId);
      });
      plot.addEventListener("pointermove", (event) => {
        point(event, over);
        if (start === null) return;
        const now = share(event, plot);
        for (const other of overlays) {
          other.picked.style.display = "block";
          other.picked.style.left = `${Math.min(start, now) * 100}%`;
          other.picked.style.width = `${Math.abs(now - start) * 100}%`;
        }
      });
      const end = (event) => {
        if (start === null) return;
        const [low, high] = [start, share(event, plot)].sort((a, b) => a - b).map((part) => from + part * (until - from));
        start = null;
        for (const other of overlays) other.picked.style.display = "none";
        if (event.type === "pointerup" && (high - low) / (until - from) > 0.01) show(low, high);
      };
      plot.addEventListener("pointerup", end);
      plot.addEventListener("pointercancel", end);
      plot.addEventListener("dblclick", () => show(0, length));
      plot.addEventListener("pointerleave", () => {
        tip.style.display = "none";
        for (const other of overlays) other.cross.style.display = "none";
      });
    }
    element.addEventListener("click", (event) => {
      const middle = (from + until) / 2;
      const half = (until - from) / 2;
      const what = event.target.dataset?.do;
      if (what === "in") show(middle - half / 2, middle + half / 2);
      if (what === "out") show(middle - half * 2, middle + half * 2);
      if (what === "all") show(0, length);
    });
    show(0, length);
  }

  const text = await reportText();
  const report = JSON.parse(text);
  const button = document.getElementById("download");
  button.disabled = false;
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "bench-report.json";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  for (const element of document.querySelectorAll(".panel")) {
    if (element.querySelector(".lanes")) panel(element, report.levels[Number(element.dataset.level)].log);
  }
  document.documentElement.classList.add("live");
})();
