"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("data").textContent);
  const number = (text) => {
    const found = text.replaceAll(",", "").replace("−", "-").match(/^[^\d+-]*([+-]?\d+(\.\d+)?)/);
    return found ? Number(found[1]) : null;
  };
  for (const table of document.querySelectorAll(".sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((one, other) => {
        const [a, b] = [one, other].map((row) => row.cells[column].textContent);
        const [x, y] = [number(a), number(b)];
        const order = x === null && y === null ? b.localeCompare(a, "ko") : x === null ? -1 : y === null ? 1 : x - y;
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows);
    }));
  }
  const fit = () => { for (const box of document.querySelectorAll(".scroll")) box.classList.toggle("wide", box.scrollWidth > box.clientWidth + 1); };
  addEventListener("resize", fit);
  fit();
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  for (const element of document.querySelectorAll(".plot")) {
    const figure = figures[element.dataset.figure], line = css("--line");
    for (const axis of ["xaxis", "yaxis"]) figure.layout[axis] = { gridcolor: line, zerolinecolor: line, automargin: true, ...figure.layout[axis] };
    figure.layout.margin = { t: 20, b: 30, ...figure.layout.margin };
    element.classList.add("drawn");
    Object.assign(figure.layout, { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: css("--ink"), family: getComputedStyle(document.body).fontFamily } });
    Plotly.newPlot(element, figure.data, figure.layout, { responsive: true, displaylogo: false });
    element.classList.add("drawn");
  }
})();
