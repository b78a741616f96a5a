// What the page can do beyond being read: without this script everything is there, in order, and prints.
// Sorting and the slider come from vendor/; here are the controls around them.
"use strict";

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// --- tables: sort by keyboard, filter rows, show differences to a row ----------------------------

function rowsOf(table) {
  return [...table.querySelectorAll("tbody tr:not(.section)")];
}

function labelOf(row) {
  return row.cells[0].dataset.label ?? row.cells[0].textContent.trim();
}

function sortByKeyboard(table) {
  for (const head of table.querySelectorAll("thead th[scope=col]")) {
    head.tabIndex = 0;
    head.title = "sort";
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        head.click();
      }
    });
  }
}

function filter(table, words, said) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  let heading = null;
  for (const row of table.querySelectorAll("tbody tr")) {
    if (row.classList.contains("section")) {
      heading = row;
      heading.hidden = true; // until a row under it is shown
      continue;
    }
    const text = `${heading?.textContent ?? ""} ${row.textContent}`.toLowerCase();
    row.hidden = !wanted.every((word) => text.includes(word));
    if (row.hidden) continue;
    shown += 1;
    if (heading) heading.hidden = false;
  }
  said.textContent = wanted.length ? `${shown} of ${rowsOf(table).length} rows` : "";
}

function signed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value < 0 ? "−" : "+") + text;
}

// Only measured numbers change; the row itself is found again in every section of the table.
function showRelative(table, label) {
  for (const cell of table.querySelectorAll("td[data-shown]")) {
    cell.innerHTML = cell.dataset.shown;
    delete cell.dataset.shown;
  }
  table.classList.toggle("relative", label !== "");
  for (const row of rowsOf(table)) row.classList.toggle("base", label !== "" && labelOf(row) === label);
  if (label === "") return;
  for (const row of rowsOf(table)) {
    const base = rowsOf(table).find((r) => r.dataset.section === row.dataset.section && labelOf(r) === label);
    for (const cell of row.querySelectorAll("td.measured[data-sort]")) {
      const other = base?.cells[cell.cellIndex].dataset.sort;
      if (other === undefined || other === "" || cell.dataset.sort === "" || row === base) continue;
      cell.dataset.shown = cell.innerHTML;
      const digits = (cell.dataset.sort.split(".")[1] ?? "").length;
      const ratio = cell.dataset.sort / other;
      cell.textContent = table.dataset.relative === "ratio" ? `× ${ratio.toPrecision(3)}` : signed(cell.dataset.sort - other, digits);
    }
  }
}

function tableControls(figure) {
  const table = figure.querySelector("table");
  sortByKeyboard(table);
  const bar = make("div", { className: "controls" });
  const said = make("output", {});
  const words = make("input", { type: "search", placeholder: "words in a row" });
  words.addEventListener("input", () => filter(table, words.value, said));
  bar.append(make("label", {}, "Filter ", words));
  const labels = [...new Set(rowsOf(table).filter((r) => r.querySelector("td.measured")).map(labelOf))];
  if (labels.length > 1 && table.querySelector("td.measured[data-sort]")) {
    const standard = table.querySelector("tr.default");
    const choice = make("select", {}, make("option", { value: "" }, "measured values"));
    if (standard) labels.sort((a, b) => (b === labelOf(standard)) - (a === labelOf(standard)));
    for (const label of labels) {
      const suffix = standard && label === labelOf(standard) ? " (default row)" : "";
      choice.append(make("option", { value: label }, `relative to ${label}${suffix}`));
    }
    choice.addEventListener("change", () => showRelative(table, choice.value));
    bar.append(make("label", {}, "Show ", choice));
  }
  bar.append(said);
  figure.querySelector(".scroll").before(bar);
}

// --- restorations: two of them in one frame, by slider or in turn ---------------------------------

function viewer(figure) {
  const tiles = [...figure.querySelectorAll(".tiles img")];
  const slider = make("img-comparison-slider", { tabIndex: 0 });
  const sides = ["first", "second"].map((slot) => {
    const image = make("img");
    image.slot = slot;
    slider.append(image);
    return image;
  });
  const bar = make("div", { className: "controls" });
  const said = make("output", {});
  const choices = sides.map((image, index) => {
    const choice = make("select");
    tiles.forEach((tile, i) => choice.append(make("option", { value: i }, tile.alt)));
    choice.value = Math.min(index === 0 ? 1 : Number(figure.dataset.start), tiles.length - 1);
    const show = () => {
      image.src = tiles[choice.value].src;
      image.alt = tiles[choice.value].alt;
      said.textContent = `${tiles[choices[0].value].alt} | ${tiles[choices[1].value].alt}`;
    };
    choice.addEventListener("change", show);
    bar.append(make("label", {}, index === 0 ? "Left " : "Right ", choice));
    return Object.assign(choice, { show });
  });
  let clock = 0;
  const flicker = make("button", { type: "button", ariaPressed: "false" }, "Flicker");
  flicker.addEventListener("click", () => {
    const start = flicker.ariaPressed === "false";
    flicker.ariaPressed = String(start);
    clearInterval(clock);
    slider.value = start ? 0 : 50;
    if (start) clock = setInterval(() => { slider.value = Number(slider.value) < 50 ? 100 : 0; }, 700);
  });
  const swap = make("button", { type: "button" }, "Swap sides");
  swap.addEventListener("click", () => {
    [choices[0].value, choices[1].value] = [choices[1].value, choices[0].value];
    choices.forEach((choice) => choice.show());
  });
  const large = make("button", { type: "button" }, "Larger");
  large.addEventListener("click", () => {
    const grown = figure.classList.toggle("large");
    large.textContent = grown ? "Smaller" : "Larger";
  });
  bar.append(flicker, swap, large);
  choices.forEach((choice) => choice.show());
  figure.querySelector(".tiles").before(bar, make("div", { className: "scroll" }, slider), said);
  figure.hidden = false;
}

// --- figures: at full size on click ---------------------------------------------------------------

function fullSize(image, dialog) {
  const button = make("button", { type: "button", className: "zoom", title: "full size" });
  image.before(button);
  button.append(image);
  button.addEventListener("click", () => {
    dialog.querySelector("img").src = image.src;
    dialog.querySelector("img").alt = image.alt;
    dialog.showModal();
  });
}

// --- contents: always in sight, the section on screen marked --------------------------------------

function contents(nav) {
  const box = nav.querySelector("details");
  const narrow = matchMedia("(max-width: 70rem)");
  const fold = () => { box.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  const links = new Map([...nav.querySelectorAll("a")].map((a) => [a.hash.slice(1), a]));
  nav.addEventListener("click", (event) => { if (event.target.closest("a") && narrow.matches) box.open = false; });
  const parts = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const mark = () => {
    const current = parts.filter((part) => part.getBoundingClientRect().top < innerHeight / 3).at(-1);
    for (const [id, link] of links) {
      if (id === current?.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    // The list itself scrolls too; moving it must not move the page.
    const shown = current && links.get(current.id);
    if (shown && !narrow.matches) nav.scrollTop = shown.offsetTop - nav.clientHeight / 2;
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
}

for (const figure of document.querySelectorAll("figure.table")) tableControls(figure);
for (const figure of document.querySelectorAll("figure.viewer")) viewer(figure);
const dialog = document.querySelector("dialog.full");
for (const image of document.querySelectorAll("figure.picture img")) fullSize(image, dialog);
contents(document.querySelector("nav"));
