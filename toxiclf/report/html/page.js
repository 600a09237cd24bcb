"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const whole = (n) => Math.round(n).toLocaleString("en-US");
  const plain = (x, digits = 3) => (x === null || x === undefined || Number.isNaN(x) ? "–" : x.toFixed(digits));
  const percent = (x) => `${Number((100 * x).toPrecision(3))} %`;
  const interval = (v) => (!v || v[0] === null ? "–" : v[1] === null ? plain(v[0]) : `${plain(v[0])} (${plain(v[1])}–${plain(v[2])})`);
  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    if (name) element.className = name;
    return element;
  };
  const cellOf = (text) => {  // an interval stays whole
    const cell = make("td"), at = text.indexOf(" (");
    cell.append(at < 0 ? text : text.slice(0, at + 1));
    if (at >= 0) cell.append(make("span", text.slice(at + 1), "range"));
    return cell;
  };
  const COMMENTS = 10000;
  const state = { label: 0, rate: data.rates[0], kind: "false_positives", shown: 25, sort: null, down: false, chosen: new Set() };

  // ---- metrics from counts -------------------------------------------------------------------------------------------
  const divided = (a, b) => (b > 0 ? a / b : null);
  function measures(tp, fp, fn, tn) {
    const f = (b) => divided((1 + b * b) * tp, (1 + b * b) * tp + b * b * fn + fp);
    return { precision: divided(tp, tp + fp), recall: divided(tp, tp + fn), specificity: divided(tn, tn + fp), f1: f(1), f2: f(2), flags: divided(COMMENTS * (tp + fp), tp + fp + fn + tn), tp, fp, fn, tn };
  }
  function atRate(counts, rate) {  // the same recall and false positive rate among 10,000 comments
    const toxic = COMMENTS * rate, others = COMMENTS - toxic;
    const tpr = divided(counts.tp, counts.tp + counts.fn) ?? 0, fpr = divided(counts.fp, counts.fp + counts.tn) ?? 0;
    return measures(toxic * tpr, others * fpr, toxic * (1 - tpr), others * (1 - fpr));
  }
  function bar(element, parts) {
    element.replaceChildren(...parts.map(([name, count]) => {
      const part = make("span", "", name);
      part.style.width = `${(100 * count) / COMMENTS}%`;
      return part;
    }));
  }
  const sentenceAt = (m, rate) => `Of ${whole(COMMENTS)} comments with ${percent(rate)} ${data.kinds[state.label]} you would see ${whole(Math.round(m.tp) + Math.round(m.fp))} flags, ${whole(m.tp)} of them right, and miss ${whole(Math.round(m.tp + m.fn) - Math.round(m.tp))}.`;

  function drawLive() {
    for (const name of document.querySelectorAll(".rate-name")) name.textContent = `${percent(state.rate)} ${data.kinds[state.label]}`;
    const counts = data.confusion[state.label];
    if (!counts || !$("production-sentence")) return;
    if (!(counts.tp + counts.fn) || !(counts.fp + counts.tn)) {
      $("production-sentence").textContent = "These comments have only one class, so production cannot be estimated.";
      bar($("production-bar"), []);
      return;
    }
    const atPrevalence = atRate(counts, state.rate);
    $("production-sentence").textContent = sentenceAt(atPrevalence, state.rate);
    bar($("production-bar"), [["right", atPrevalence.tp], ["wrong", atPrevalence.fp], ["missed", atPrevalence.fn]]);
  }

  // ---- threshold explorer --------------------------------------------------------------------------------------------
  const nearest = (cuts, value) => cuts.reduce((best, cut, i) => (Math.abs(cut - value) < Math.abs(cuts[best] - value) ? i : best), 0);
  const curve = () => data.curves[state.label];
  function countsAt(i) {
    const c = curve();
    return { tp: c.tp[i], fp: c.fp[i], fn: c.toxic - c.tp[i], tn: c.others - c.fp[i] };
  }
  function resetSliders() {
    if (!data.curves) return;
    const cuts = curve().threshold, saved = nearest(cuts, data.thresholds[state.label]);
    for (const id of ["low", "high"]) { $(id).max = cuts.length - 1; $(id).value = saved; }
    if ($("two").checked) $("low").value = nearest(cuts, data.thresholds[state.label] / 2);
  }
  function drawExplorer() {
    if (!data.curves) return;
    const cuts = curve().threshold, two = $("two").checked;
    const share = curve().toxic / Math.max(1, curve().toxic + curve().others);
    for (const name of document.querySelectorAll(".decision-rate")) name.textContent = `${percent(share)} ${data.kinds[state.label]}`;
    let low = Number($("low").value), high = two ? Number($("high").value) : low;
    if (two && high < low) {  // the slider that is moved pushes the other
      if (document.activeElement === $("high")) { low = high; $("low").value = low; } else { high = low; $("high").value = high; }
    }
    $("high-line").hidden = !two;
    $("right-name").textContent = two ? "blocked, rightly" : "flagged, rightly";
    $("wrong-name").textContent = two ? "blocked, wrongly" : "flagged, wrongly";
    for (const id of ["review-mark", "review-name"]) $(id).hidden = !two;
    $("low-name").textContent = two ? "review from" : "threshold";
    for (const [id, i] of [["low", low], ["high", high]]) {
      $(`${id}-value`).textContent = plain(cuts[i], 4);
      $(id).setAttribute("aria-valuetext", plain(cuts[i], 4));
    }
    const here = measures(...["tp", "fp", "fn", "tn"].map((k) => countsAt(low)[k])), atPrevalence = atRate(countsAt(low), state.rate);
    if (two) {
      const blocked = atRate(countsAt(high), state.rate);
      const review = atPrevalence.tp + atPrevalence.fp - blocked.tp - blocked.fp;
      $("explorer-sentence").textContent = `Of ${whole(COMMENTS)} comments with ${percent(state.rate)} ${data.kinds[state.label]}, ${whole(blocked.tp + blocked.fp)} would be blocked, ${whole(blocked.tp)} rightly; ${whole(review)} reviewed, ${whole(atPrevalence.tp - blocked.tp)} of them ${data.kinds[state.label]}; ${whole(atPrevalence.fn + atPrevalence.tn)} allowed, ${whole(atPrevalence.fn)} of them ${data.kinds[state.label]}.`;
      bar($("explorer-bar"), [["right", blocked.tp], ["wrong", blocked.fp], ["review", review], ["missed", atPrevalence.fn]]);
    } else {
      $("explorer-sentence").textContent = sentenceAt(atPrevalence, state.rate);
      bar($("explorer-bar"), [["right", atPrevalence.tp], ["wrong", atPrevalence.fp], ["missed", atPrevalence.fn]]);
    }
    const saved = data.metrics[state.label] || {}, test = data.confusion[state.label];
    const yes = data.kinds[state.label], no = data.others[state.label];
    const total = test ? test.tp + test.fp + test.fn + test.tn : 0;
    const lines = [
      ...[["precision", "precision"], ["recall", "recall"], ["specificity", "specificity"], ["f1", "F1"], ["f2", "F2"]].map(([key, name]) => [name, key, plain(here[key]), plain(atPrevalence[key]), interval(saved[key])]),
      ["flags per 10,000", "flags", whole(here.flags), whole(atPrevalence.flags), test ? whole((COMMENTS * (test.tp + test.fp)) / total) : "–"],
      ...[["tp", `${yes}, flagged`], ["fn", `${yes}, missed`], ["fp", `${no}, flagged`], ["tn", `${no}, not flagged`]].map(([key, name]) => [name, key, whole(here[key]), whole(atPrevalence[key]), test ? whole(test[key]) : "–"]),
    ];
    $("explorer-table").tBodies[0].replaceChildren(...lines.map(([name, key, ...cells]) => {
      const line = make("tr"), head = make("th", two && !["tp", "fp", "fn", "tn"].includes(key) ? `${name} (of review and block)` : name);
      head.scope = "row";
      line.dataset.metric = key;
      line.append(head, ...cells.map(cellOf));
      return line;
    }));
    const plot = document.querySelector('[data-figure="threshold"].drawn');
    if (plot) Plotly.relayout(plot, { "shapes[0].x0": cuts[low], "shapes[0].x1": cuts[low] });
  }

  // ---- figures -------------------------------------------------------------------------------------------------------
  function drawFigure(element) {
    const of = data.figures[element.dataset.figure], figure = of.length > 1 ? of[state.label] : of[0];
    element.classList.toggle("none", !figure);
    if (!figure) {
      if (element.classList.contains("drawn")) Plotly.purge(element);
      element.classList.remove("drawn");
      element.textContent = "This label has no such figure.";
      return;
    }
    if (!element.classList.contains("drawn")) element.textContent = "";
    const narrow = element.clientWidth < 480, ink = css("--ink"), line = css("--line");
    const { data: traces, layout } = JSON.parse(JSON.stringify(figure));
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
    for (const key of new Set([...Object.keys(layout).filter((k) => /^[xy]axis/.test(k)), "xaxis", "yaxis"])) {
      layout[key] = { ...axis, ...layout[key] };
      layout[key].title = { standoff: 8, ...layout[key].title };
      if (narrow && layout[key].ticktext) layout[key].ticktext = layout[key].ticktext.map(folded);
    }
    for (const trace of traces) if (trace.type === "heatmap") trace.colorscale = [[0, css("--cell-low")], [1, css("--cell-high")]];
    for (const shape of layout.shapes || []) if (shape.line) shape.line.color = css("--soft");
    Object.assign(layout, { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, family: getComputedStyle(document.body).fontFamily, size: narrow ? 11 : 13 }, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, ...layout.legend }, autosize: true });
    const named = layout.showlegend !== false && traces.some((trace) => trace.name) || layout.annotations.some((note) => note.yref === "paper");
    layout.margin = { l: narrow ? 40 : 60, r: narrow ? 8 : 20, t: named ? 40 : 12, b: 30 };
    if (narrow) for (const key of Object.keys(layout)) if (layout.xaxis2 && key.startsWith("xaxis")) layout[key].nticks = 4;
    layout.hoverlabel = { align: "left" };
    if (!layout.height) layout.height = narrow ? 330 : 400;
    else if (narrow && layout.yaxis.ticktext) layout.height = Math.max(layout.height, 90 + 17 * layout.yaxis.ticktext.reduce((n, name) => n + name.split("<br>").length + 0.4, 0));
    Plotly.react(element, traces, layout, { responsive: true, displaylogo: false, displayModeBar: narrow ? false : "hover", modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] });
    element.classList.add("drawn");
    if (element.dataset.figure === "threshold") drawExplorer();
  }
  function folded(name) {  // a tick's name in lines of about 18 characters, for a narrow screen
    let line = "";
    return name.split(" ").reduce((text, word) => {
      const apart = line && line.length + word.length > 17;
      line = apart ? word : `${line} ${word}`;
      return text + (apart ? "<br>" : text && " ") + word;
    }, "");
  }
  const plots = [...document.querySelectorAll(".plot")];
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); drawFigure(entry.target); }
  }, { rootMargin: "400px" });
  plots.forEach((plot) => near.observe(plot));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.filter((p) => p.classList.contains("drawn")).forEach(drawFigure));
  addEventListener("beforeprint", () => plots.filter((p) => !p.classList.contains("drawn")).forEach(drawFigure));

  // ---- comments ------------------------------------------------------------------------------------------------------
  const NOTES = {
    false_positives: () => [`flagged, but labeled ${data.others[state.label]}`, "the most confident errors first"],
    false_negatives: () => [`labeled ${data.kinds[state.label]}, but not flagged`, "the most confident errors first"],
    least_certain: () => ["comments", "those nearest to the threshold first"],
    label_doubt: () => ["labels that may be wrong", `by confident learning over ${data.doubted}; the most doubtful first`],
  };
  const listed = () => data.lists[state.label][state.kind].map(([key, target, score, spans]) => ({ key, target, score, spans, file: data.rows[key][0], line: data.rows[key][1], text: data.rows[key][2] }));
  function matching() {
    const wanted = $("search").value.trim().toLowerCase();
    let found = listed();
    if (wanted) found = found.filter((row) => (row.text !== null && row.text.toLowerCase().includes(wanted)) || String(row.line) === wanted);
    if (state.sort) {
      const key = state.sort;
      found.sort((a, b) => (key === "text" ? (a.text || "").localeCompare(b.text || "", "ko") : a[key] - b[key]) * (state.down ? -1 : 1));
    }
    return found;
  }
  function written(row) {
    const element = make("span", null, "comment");
    element.dir = "auto";
    if (row.text === null) { element.textContent = row.file; return [element]; }
    element.classList.add("veiled");
    element.tabIndex = 0;
    const characters = Array.from(row.text);  // spans count characters, strings UTF-16 units
    const part = (a, b) => characters.slice(a, b).join("");
    let at = 0;
    for (const [a, b, effect] of row.spans) {
      element.append(part(at, a));
      const mark = make("mark", part(a, b));
      const strength = Math.min(0.75, Math.abs(effect) * 2);
      mark.style.background = strength < 0.03 ? "transparent" : effect > 0 ? `rgba(222,80,55,${strength})` : `rgba(60,125,200,${strength})`;
      mark.title = `${effect > 0 ? "+" : "−"}${Math.abs(effect).toFixed(3)} by this token`;
      element.append(mark);
      at = b;
    }
    element.append(part(at));
    const top = [...row.spans].filter((s) => Math.abs(s[2]) >= 0.01).sort((a, b) => Math.abs(b[2]) - Math.abs(a[2])).slice(0, 4);
    if (!top.length) return [element];
    const pushers = make("span", null, "pushers comment veiled");
    pushers.textContent = top.map(([a, b, effect]) => `${part(a, b)} ${effect > 0 ? "+" : "−"}${Math.abs(effect).toFixed(2)}`).join(" · ");
    return [element, pushers];
  }
  function drawRows() {
    if (!data.lists.length) return;
    const found = matching(), total = data.counts[state.label][state.kind], list = data.lists[state.label][state.kind].length;
    const [what, order] = NOTES[state.kind]();
    $("kind-note").textContent = `${whole(total)} ${what}${total > list ? `, ${whole(list)} of them here` : ""}; ${order}. ${found.length < list ? `${whole(found.length)} found.` : ""}`;
    $("rows").tBodies[0].replaceChildren(...found.slice(0, state.shown).map((row) => {
      const line = make("tr"), tick = make("input"), cell = make("td", null, "tick"), text = make("td", null, "text");
      tick.type = "checkbox";
      tick.checked = state.chosen.has(row.key);
      tick.setAttribute("aria-label", `Choose line ${row.line}`);
      tick.addEventListener("change", () => state.chosen[tick.checked ? "add" : "delete"](row.key));
      cell.append(tick);
      text.append(...written(row));
      const cells = [["line", row.line], ["labeled", (row.target ? data.kinds : data.others)[state.label]], ["score", row.score.toFixed(3)]].map(([name, value]) => {
        const td = make("td", value);
        td.dataset.name = name;
        return td;
      });
      line.append(cell, ...cells, text);
      return line;
    }));
    if ($("list-name")) $("list-name").textContent = `${whole(found.length)} ${found.length === 1 ? "comment" : "comments"}`;
    $("more").hidden = found.length <= state.shown;
    for (const button of document.querySelectorAll("#rows [data-sort]")) button.setAttribute("aria-pressed", String(button.dataset.sort === state.sort));
  }
  const spreadsheet = (value) => {  // a cell that no spreadsheet runs as a formula
    const text = String(value), safe = /^[=+\-@\t\r\n＝＋－＠]/.test(text) && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  function exported() {
    const rows = state.chosen.size ? listed().filter((row) => state.chosen.has(row.key)) : matching();
    const withText = rows.some((row) => row.text !== null);
    const head = ["file", "line", ...(withText ? ["text"] : []), "label", "labelled", "score", "why", "relabelled"];
    const lines = rows.map((row) => [row.file, row.line, ...(withText ? [row.text] : []), data.labels[state.label], row.target, row.score, state.kind, ""]);
    const content = [head, ...lines].map((line) => line.map(spreadsheet).join(",")).join("\n");
    const link = make("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", content, "\n"], { type: "text/csv;charset=utf-8" }));
    link.download = `relabel_${state.kind}.csv`;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  if (data.lists.length) {
    for (const tab of document.querySelectorAll("[data-kind]")) {
      tab.addEventListener("click", () => {
        for (const other of document.querySelectorAll("[data-kind]")) other.setAttribute("aria-selected", String(other === tab));
        Object.assign(state, { kind: tab.dataset.kind, shown: 25, sort: null });
        state.chosen.clear();
        $("all").checked = false;
        drawRows();
      });
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const tabs = [...document.querySelectorAll("[data-kind]")];
        const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
        next.focus();
        next.click();
      });
    }
    for (const button of document.querySelectorAll("#rows [data-sort]")) {
      button.addEventListener("click", () => {
        state.down = state.sort === button.dataset.sort ? !state.down : false;
        state.sort = button.dataset.sort;
        drawRows();
      });
    }
    $("search").addEventListener("input", () => { state.shown = 25; $("all").checked = false; drawRows(); });
    $("more").addEventListener("click", () => { state.shown += 25; drawRows(); });
    $("all").addEventListener("change", () => {
      for (const row of matching()) state.chosen[$("all").checked ? "add" : "delete"](row.key);
      drawRows();
    });
    $("export").addEventListener("click", exported);
    $("unveil")?.addEventListener("change", () => $("rows").classList.toggle("unveiled", $("unveil").checked));
    const open = (event) => {
      const comment = event.target.closest?.(".comment.veiled");
      if (comment) comment.parentElement.querySelectorAll(".comment").forEach((c) => c.classList.toggle("open"));
      return comment;
    };
    $("rows").addEventListener("click", (event) => { if (!String(getSelection())) open(event); });
    $("rows").addEventListener("keydown", (event) => { if (["Enter", " "].includes(event.key) && open(event)) event.preventDefault(); });
  }

  // ---- subgroups ---------------------------------------------------------------------------------------------------------
  function drawSlices() {
    const table = $("slice-table");
    if (!table) return;
    const rows = data.slices.filter((row) => row.label === data.labels[state.label]);
    table.tBodies[0].replaceChildren(...rows.map((row) => {
      const line = make("tr"), head = make("th", `${row.by}: ${row.name}`);
      head.scope = "row";
      const gap = cellOf(row.gap === null ? "–" : `${row.gap >= 0 ? "+" : "−"}${Math.abs(row.gap).toFixed(3)} (${row.gap_low.toFixed(3)} to ${row.gap_high.toFixed(3)})`.replaceAll("-", "−"));
      if (row.notable) gap.className = "outside";
      line.append(head, ...[whole(row.rows), whole(row.toxic), plain(row.average_precision), plain(row.precision), plain(row.recall), plain(row.f1), row.false_positive_rate === null ? "–" : interval([row.false_positive_rate, row.low, row.high])].map(cellOf), gap);
      [...line.cells].forEach((cell, i) => { cell.dataset.name = table.tHead.rows[0].cells[i].textContent; });
      return line;
    }));
  }
  const fit = () => { for (const box of document.querySelectorAll(".scroll")) box.classList.toggle("wide", box.scrollWidth > box.clientWidth + 1); };
  addEventListener("resize", fit);

  // ---- what moves them -----------------------------------------------------------------------------------------------
  function setRate(rate, from) {
    const odd = !(rate >= 0 && rate <= 1);
    from?.setAttribute("aria-invalid", String(odd));
    if (odd) return;
    state.rate = rate;
    for (const id of ["rate", "rate2"]) if ($(id) && $(id) !== from) $(id).value = Number((100 * rate).toPrecision(4));
    drawLive();
    drawExplorer();
  }
  for (const id of ["rate", "rate2"]) $(id)?.addEventListener("input", (event) => { if (event.target.value !== "") setRate(Number(event.target.value) / 100, event.target); });
  for (const id of ["low", "high"]) $(id)?.addEventListener("input", drawExplorer);
  $("two")?.addEventListener("change", () => { resetSliders(); drawExplorer(); });
  $("reset")?.addEventListener("click", () => { resetSliders(); drawExplorer(); });
  function setLabel(label) {
    state.label = label;
    for (const block of document.querySelectorAll(".by-label")) block.hidden = Number(block.dataset.label) !== label;
    resetSliders();
    for (const word of document.querySelectorAll(".kind")) word.textContent = data.kinds[label];
    if (data.rates[label] !== null) setRate(data.rates[label]);
    plots.filter((p) => p.classList.contains("drawn") || p.classList.contains("none")).forEach(drawFigure);
    Object.assign(state, { shown: 25, sort: null });
    state.chosen.clear();
    if ($("all")) $("all").checked = false;
    drawRows();
    drawSlices();
    fit();
  }
  $("label")?.addEventListener("change", (event) => setLabel(Number(event.target.value)));
  setLabel(0);
  fit();
  $("list")?.addEventListener("toggle", fit);
})();
