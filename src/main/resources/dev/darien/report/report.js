/* SPDX-License-Identifier: Apache-2.0 */
/* Neither of the two characters that XML reserves is used here, so that the page is well-formed XML too. */
"use strict";
(function () {
  const root = document.documentElement;
  root.classList.add("js");

  const theme = document.getElementById("theme");
  theme.addEventListener("click", function () {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  });

  function compare(a, b) {
    const missing = (b === "" ? 0 : 1) - (a === "" ? 0 : 1);
    if (missing !== 0) {
      return missing;
    }
    const difference = Number(a) - Number(b);
    /* Only what isn't a number differs from itself. */
    return difference === difference ? difference : a.localeCompare(b);
  }

  document.querySelectorAll("table.data").forEach(function (table) {
    const body = table.tBodies[0];
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      const button = head.querySelector("button");
      if (!button) {
        return;
      }
      button.addEventListener("click", function () {
        const falling = head.getAttribute("aria-sort") !== "descending";
        heads.forEach(function (other) {
          if (other.hasAttribute("aria-sort")) {
            other.setAttribute("aria-sort", "none");
          }
        });
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const rows = Array.from(body.rows);
        rows.sort(function (a, b) {
          const order = compare(a.cells[column].dataset.value, b.cells[column].dataset.value);
          return falling ? -order : order;
        });
        rows.forEach(function (row) {
          body.appendChild(row);
        });
      });
    });
  });

  const search = document.getElementById("search");
  if (!search) {
    return;
  }
  const found = document.getElementById("found");
  const rows = Array.from(document.getElementById("latents").tBodies[0].rows);

  function filter() {
    const wanted = search.value.trim().toLowerCase();
    const exact = /^[0-9]+$/.test(wanted);
    let count = 0;
    rows.forEach(function (row) {
      const matches = wanted === ""
        ? true
        : exact ? row.cells[0].dataset.value === wanted : row.textContent.toLowerCase().includes(wanted);
      row.hidden = !matches;
      count += matches ? 1 : 0;
    });
    found.textContent = wanted === "" ? "" : count + " of " + rows.length;
  }

  function showAll() {
    search.value = "";
    filter();
  }

  search.addEventListener("input", filter);
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") {
      showAll();
    } else if (event.key === "/") {
      if (document.activeElement !== search) {
        event.preventDefault();
        search.focus();
      }
    }
  });
  /* A link to a latent that the search hides shows it. */
  document.getElementById("latents").addEventListener("click", function (event) {
    if (event.target.matches("a[href]")) {
      showAll();
    }
  });
})();
