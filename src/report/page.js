"use strict";
(() => {
  const root = document.documentElement;
  const words = JSON.parse(document.getElementById("labels").textContent);
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const plain = new Intl.NumberFormat(root.lang, {maximumSignificantDigits: 4});
  const whole = new Intl.NumberFormat(root.lang, {maximumFractionDigits: 0});
  const share = new Intl.NumberFormat(root.lang, {style: "percent", maximumFractionDigits: 2});
  const write = (value, form) =>
    typeof value !== "number" ? String(value ?? "") :
    form === "percent" ? share.format(value) : form === "count" ? whole.format(value) : plain.format(value);

  // A text cell that a spreadsheet would take for a formula begins with an apostrophe.
  const csvCell = (value) => {
    if (value === null) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t]/.test(value) ? "'" + value : value;
    return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };
  const save = (name, data) => {
    const lines = [data.columns.map((column) => column[0]), ...data.rows].map((row) => row.map(csvCell).join(","));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], {type: "text/csv"}));
    link.download = name + ".csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const shapes = ["circle", "rect", "triangle", "rectRot", "star", "crossRot", "cross", "dash"];
  const datasets = (data, numeric) => {
    const point = (row, column) => numeric ? {x: row[0], y: row[column]} : row[column];
    const all = [];
    data.chart.series.forEach((series, n) => {
      const name = data.columns[series.column][0];
      const tint = colour("--c" + n % 8);
      const values = (column) => data.rows.map((row) => point(row, column)).filter((p) => !numeric || p.x !== null);
      const line = {
        type: "line", label: name, data: values(series.column), borderColor: tint, backgroundColor: tint,
        borderWidth: 2, pointRadius: data.rows.length < 40 ? 2.5 : 0, pointHitRadius: 8, pointStyle: shapes[n % 8],
        stepped: series.form === "steps", borderDash: series.form === "dashed" ? [6, 4] : [], order: 2,
        spanGaps: numeric, form: data.columns[series.column][1],
      };
      if (series.form === "points") Object.assign(line, {showLine: false, pointRadius: data.rows.length < 120 ? 3 : 1.5, order: 1});
      if (series.form === "steps" || series.form === "dashed") line.pointRadius = 0;
      if (series.form === "bars") {
        Object.assign(line, {type: "bar", borderWidth: 0, pointStyle: "rect", stack: data.chart.stacked ? "all" : undefined,
                             categoryPercentage: .9, barPercentage: data.rows.length > 60 ? 1 : .9, order: 3});
      }
      if (series.low !== null && series.high !== null) {
        const edge = {type: "line", borderWidth: 0, pointRadius: 0, pointHitRadius: 0, order: 4, band: true, label: words.band,
                      stepped: series.form === "steps", backgroundColor: tint + "38", borderColor: tint + "00",
                      spanGaps: numeric};
        all.push({...edge, data: values(series.low), fill: false}, {...edge, data: values(series.high), fill: "-1"});
      }
      all.push(line);
    });
    if (data.chart.diagonal) {
      all.push({type: "line", label: "y = x", data: [{x: 0, y: 0}, {x: 1, y: 1}], borderColor: colour("--soft"), borderWidth: 1,
                borderDash: [3, 3], pointRadius: 0, pointHitRadius: 0, order: 5, band: true});
    }
    return all;
  };

  const draw = (canvas, data) => {
    const axis = data.columns[0];
    const numeric = axis[1] === "count" || axis[1] === "number" || axis[1] === "percent";
    const form = data.chart.series.length > 0 ? data.columns[data.chart.series[0].column][1] : "number";
    const text = colour("--soft"), line = colour("--line");
    const title = (words) => ({display: words !== "", text: words, color: text});
    const list = datasets(data, numeric);
    return new Chart(canvas, {
      data: {labels: numeric ? undefined : data.rows.map((row) => row[0]), datasets: list},
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, locale: root.lang,
        interaction: {mode: numeric ? "nearest" : "index", intersect: false},
        scales: {
          x: {
            type: numeric ? "linear" : "category", title: title(axis[0]), grid: {color: line}, stacked: data.chart.stacked,
            ticks: {color: text, maxRotation: 0, autoSkipPadding: 20, callback(value) {
              return numeric ? write(value, axis[1] === "count" ? "number" : axis[1]) : this.getLabelForValue(value);
            }},
            ...(data.chart.diagonal ? {min: 0, max: 1} : {}),
          },
          y: {
            title: title(data.chart.y), grid: {color: line}, stacked: data.chart.stacked, beginAtZero: true,
            ticks: {color: text, callback: (value) => write(value, form === "count" ? "number" : form)},
            ...(data.chart.diagonal ? {min: 0, max: 1} : {}),
          },
        },
        plugins: {
          legend: {
            display: list.filter((set) => !set.band).length > 1, position: "bottom",
            labels: {color: colour("--text"), usePointStyle: true, boxWidth: 8, boxHeight: 8, filter: (item, chart) => !chart.datasets[item.datasetIndex].band},
          },
          tooltip: {
            filter: (item) => !item.dataset.band,
            callbacks: {
              title: (items) => items.length === 0 ? "" : numeric ? axis[0] + " " + write(items[0].parsed.x, axis[1]) : items[0].label,
              label: (item) => item.dataset.label + ": " + write(item.parsed.y, item.dataset.form),
            },
          },
        },
      },
    });
  };

  const charts = [];
  for (const figure of document.querySelectorAll("figure")) {
    const data = JSON.parse(figure.querySelector("script.data").textContent);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "csv";
    button.textContent = words.csv;
    button.setAttribute("aria-label", words.csv + ": " + figure.querySelector("figcaption").textContent);
    button.addEventListener("click", () => save(figure.id, data));
    figure.append(button);
    const canvas = figure.querySelector("canvas");
    if (canvas === null) continue;
    figure.classList.add("drawn");
    charts.push({canvas, data, chart: draw(canvas, data)});
  }

  // Colours are taken anew where the light changes or the page goes to paper.
  const redraw = () => charts.forEach((entry) => {
    entry.chart.destroy();
    entry.chart = draw(entry.canvas, entry.data);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => { root.dataset.print = ""; redraw(); });
  addEventListener("afterprint", () => { delete root.dataset.print; redraw(); });
})();
