"use strict";
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.key === undefined ? cell.textContent : Number(cell.dataset.key);
  };
  const compare = (first, second) => {
    if (typeof first === "number" && typeof second === "number") return first - second;
    if (typeof first === "number") return -1;
    if (typeof second === "number") return 1;
    return first.localeCompare(second, "en", { numeric: true });
  };
  const sort = (table, head, column) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    const body = table.tBodies[0];
    const empty = (row) => value(row, column) === "";
    const rows = [...body.rows].sort((a, b) =>
      empty(a) - empty(b) || (up ? 1 : -1) * compare(value(a, column), value(b, column)));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    body.append(...rows);
  };
  const filter = (table, text, said) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const content = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => content.includes(word));
      shown += !row.hidden;
    }
    said.textContent = words.length ? `${shown} of ${table.tBodies[0].rows.length} rows` : "";
  };
  for (const box of document.querySelectorAll(".table")) {
    const table = box.querySelector("table");
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head, column));
      head.append(button);
    });
    const form = box.querySelector(".filter");
    if (form) {
      form.hidden = false;
      form.querySelector("input").addEventListener("input", (event) =>
        filter(table, event.target.value, form.querySelector("span")));
    }
  }
  const dialog = document.querySelector("dialog");
  for (const button of document.querySelectorAll(".enlarge")) {
    button.addEventListener("click", () => {
      const image = button.querySelector("img").cloneNode();
      dialog.querySelector(".scroll").replaceChildren(image);
      dialog.showModal();
    });
  }
  const place = document.querySelector("#interactive-figure");
  if (place) {
    const described = JSON.parse(document.querySelector("#interactive-data").textContent);
    vegaEmbed(place, described.figure, described.embedding);
  }
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; });
})();
