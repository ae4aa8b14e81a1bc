// SPDX-License-Identifier: GPL-3.0-or-later
// The matrix: one canvas that shows what is in sight, and one focusable element that tells the cell which is chosen.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const containers = data.containers.map(([name, node, networks]) => ({ name, node, networks }));
  const count = containers.length;
  const NETWORK_COLOURS = 8;

  // States of a pair, from good to bad: the worst of its cells counts.
  const NONE = 0, SHUT = 1, OPEN = 2, NO_VALUE = 3, LEAK = 4, BROKEN = 5;
  const WORDS = ["not asked", "apart, as promised", "works, as promised", "no value", "works, and must not", "does not work"];
  const VERDICTS = ["correct", "wrong", "no_value"];
  const ALL = data.facets.length;

  const begins = new Int32Array(count * count).fill(-1); // where a pair's cells are in data.cells
  const states = Array.from({ length: ALL + 1 }, () => new Uint8Array(count * count));
  const troubles = Array.from({ length: ALL + 1 }, () => [0, 0]); // wrong cells, cells without a value

  function stateOf(allowed, verdict) {
    if (verdict === 2) return NO_VALUE;
    if (verdict === 1) return allowed ? BROKEN : LEAK;
    return allowed ? OPEN : SHUT;
  }

  for (let i = 0; i < data.cells.length;) {
    const pair = data.cells[i], pattern = data.patterns[data.cells[i + 1]];
    begins[pair] = i;
    for (let k = 0; k < pattern.length; k++) {
      const [facet, , allowed] = data.promises[pattern[k]];
      const state = stateOf(allowed, data.outcomes[data.cells[i + 2 + k]][1]);
      if (state > states[facet][pair]) states[facet][pair] = state;
      if (state > states[ALL][pair]) states[ALL][pair] = state;
      if (state >= NO_VALUE) for (const sum of [troubles[facet], troubles[ALL]]) sum[state === NO_VALUE ? 1 : 0]++;
    }
    i += 2 + pattern.length;
  }

  function cellsOf(pair) {
    const start = begins[pair];
    if (start < 0) return [];
    return data.patterns[data.cells[start + 1]].map((number, k) => {
      const [facet, subject, allowed] = data.promises[number];
      const [observed, verdict, evidence, cause] = data.outcomes[data.cells[start + 2 + k]];
      return { facet, subject, allowed, observed, verdict, evidence, cause: data.causes[cause], state: stateOf(allowed, verdict) };
    });
  }

  const view = { facet: ALL, network: -1, troubled: false, text: "", rows: [], columns: [], size: 0, zoom: 0 };
  let active = { row: 0, column: 0 }, hover = null, opened = null, ringed = false, paper = false;

  const grid = byId("grid"), canvas = grid.querySelector("canvas"), extent = byId("extent");
  const pen = canvas.getContext("2d");
  const SANS = getComputedStyle(document.body).fontFamily;

  // Colours: the page's own, of the light or the dark side, whichever is shown.

  let colour = {};
  function readColours() {
    const style = getComputedStyle(paper ? document.querySelector(".paper") : document.documentElement);
    const names = ["surface", "line", "strong", "soft", "ink", "muted", "faint", "wrong", "on-wrong", "open", "open-mark", "shut", "shut-mark", "no-value", "no-value-mark", "focus", "hover"];
    for (const name of names) colour[name] = style.getPropertyValue(`--${name}`).trim();
    colour.networks = Array.from({ length: NETWORK_COLOURS }, (_, i) => style.getPropertyValue(`--n${i}`).trim());
  }
  const colourOf = (network) => colour.networks[network % NETWORK_COLOURS];

  // What is shown

  // Wrong is what is wrong; only where nothing is, it is what has no value.
  const trouble = () => (troubles[view.facet][0] ? LEAK : NO_VALUE);

  function matcher(text) {
    const words = text.toLowerCase().trim().split(/\s+/).filter(Boolean);
    return (c) => words.every((word) => `${c.name} ${c.node} ${c.networks.map((n) => data.networks[n]).join(" ")}`.toLowerCase().includes(word));
  }

  function filter() {
    const all = containers.map((_, i) => i).filter((i) => view.network < 0 || containers[i].networks.includes(view.network));
    const [who, whom] = view.text.split(/→|->|>/);
    const asks = matcher(who), asked = matcher(whom || "");
    let rows = all.filter((i) => asks(containers[i])), columns = all.filter((i) => asked(containers[i]));
    if (view.troubled) {
      const state = states[view.facet];
      const least = trouble(), bad = (row, column) => state[row * count + column] >= least;
      const kept = rows.filter((row) => columns.some((column) => bad(row, column)));
      columns = columns.filter((column) => rows.some((row) => bad(row, column)));
      rows = kept;
    }
    const before = chosen();
    view.rows = rows;
    view.columns = columns;
    active.row = Math.max(0, before ? rows.indexOf(before[0]) : 0);
    active.column = Math.max(0, before ? columns.indexOf(before[1]) : 0);
    hover = null;
    const empty = !rows.length || !columns.length;
    grid.hidden = empty;
    byId("empty").hidden = !empty;
    byId("empty").textContent = view.text.trim() || !view.troubled
      ? "No container matches." : `Nothing is wrong ${view.facet === ALL ? "here" : `in ${data.facets[view.facet]}`}.`;
    filterList();
    if (!empty) { measure(); place(false); }
    caption();
  }

  function filterList() {
    const [who, whom] = view.text.split(/→|->|>/);
    const asks = matcher(who), asked = matcher(whom || "");
    const index = new Map(containers.map((c) => [c.name, c]));
    let left = 0, entries = 0;
    for (const finding of document.querySelectorAll(".finding")) {
      let some = 0;
      for (const row of finding.querySelectorAll("tr[data-source]")) {
        const source = index.get(row.dataset.source), target = index.get(row.dataset.target);
        let fits = view.facet === ALL || row.dataset.facet === data.facets[view.facet];
        if (source && target) {
          fits &&= whom === undefined ? asks(source) || asks(target) : asks(source) && asked(target);
          if (view.network >= 0) fits &&= source.networks.includes(view.network) || target.networks.includes(view.network);
        } else if (view.text.trim()) fits = false;
        row.hidden = !fits;
        some += fits;
      }
      finding.hidden = !some;
      left += some;
      entries++;
    }
    byId("findings-none").hidden = !entries || left > 0;
  }

  // How large all is

  const box = { left: 0, top: 0, width: 0, height: 0 };
  const GAP = 3; // between groups
  let offsets = { rows: [], columns: [] };

  const groupOf = (i) => containers[i].networks.join();
  function lineUp(list, size) {
    const ends = [0];
    let at = 0;
    list.forEach((container, i) => {
      if (i && groupOf(container) !== groupOf(list[i - 1])) at += GAP;
      ends[i] = at;
      at += size;
    });
    ends.push(at);
    return ends;
  }

  const room = () => byId("matrix").clientWidth - 12;
  const labelled = () => view.size >= 11;
  const labelFont = () => `${Math.max(9.5, Math.min(13, view.size * 0.62 + 2.5))}px ${SANS}`;

  // As large as the width, and the height of the window, have room for; but never too small to read the names.
  function fitted(width, height) {
    const across = Math.floor((width - 12) / Math.max(view.columns.length, 1));
    const down = Math.floor((height - 12) / Math.max(view.rows.length, 1));
    return Math.max(13, Math.min(36, across, down));
  }

  function measure() {
    pen.font = `600 13px ${SANS}`; // as the chosen one is written
    const widest = (list) => Math.ceil(list.reduce((most, i) => Math.max(most, pen.measureText(containers[i].name).width), 0));
    const phone = innerWidth < 720;
    const names = Math.min(phone ? 96 : 190, widest(view.rows));
    const bands = Math.min(4, Math.max(1, ...view.rows.map((i) => containers[i].networks.length)));
    box.left = names + 12 + bands * 6;
    if (paper) {
      view.size = Math.max(2, Math.min(26, Math.floor((680 - box.left) / view.columns.length * 10) / 10));
    } else if (view.zoom) {
      view.size = view.zoom;
    } else if (!opened || !view.size) {
      view.size = fitted(room() - box.left, Math.min(innerHeight * 0.78, 900) - 120);
    }
    pen.font = labelFont();
    if (!labelled()) box.left = 12 + bands * 6;
    const heads = Math.min(phone ? 90 : 150, widest(view.columns));
    box.top = (labelled() ? heads + 12 : 12) + Math.min(4, Math.max(1, ...view.columns.map((i) => containers[i].networks.length))) * 6;
    offsets = { rows: lineUp(view.rows, view.size), columns: lineUp(view.columns, view.size) };
    const width = box.left + offsets.columns[view.columns.length] + 12, height = box.top + offsets.rows[view.rows.length] + 12;
    extent.style.width = `${width}px`;
    extent.style.height = `${height}px`;
    box.width = paper ? width : Math.min(width, room());
    grid.style.width = `${box.width}px`;
    grid.style.height = paper ? `${height}px` : `min(${height}px, 78vh, 900px)`;
    box.height = paper ? height : Math.min(height, grid.clientHeight || height);
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(box.width * scale);
    canvas.height = Math.round(box.height * scale);
    canvas.style.width = `${box.width}px`;
    canvas.style.height = `${box.height}px`;
    // What flows after the canvas is nothing: the extent is out of the flow.
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    grid.setAttribute("aria-rowcount", view.rows.length);
    grid.setAttribute("aria-colcount", view.columns.length);
    draw();
  }

  // Drawing

  let asked = 0;
  const soon = () => { asked ||= requestAnimationFrame(() => { asked = 0; draw(); }); };

  function span(ends, from, to) { // the first and the last that are between two places
    let first = 0, last = ends.length - 2;
    while (first < last && ends[first + 1] <= from) first++;
    while (last > first && ends[last] >= to) last--;
    return [first, last];
  }

  function mark(context, state, x, y, size, round) {
    const inset = size >= 16 ? 1.5 : size >= 7 ? 0.75 : 0, side = size - 2 * inset;
    const fill = ["", colour.shut, colour.open, colour["no-value"], colour.wrong, colour.wrong][state];
    const middle = [x + size / 2, y + size / 2];
    const path = () => {
      context.beginPath();
      if (round) context.arc(...middle, side / 2, 0, 7);
      else if (size >= 16) context.roundRect(x + inset, y + inset, side, side, Math.min(5, size / 6));
      else context.rect(x + inset, y + inset, side, side);
    };
    if (state === NONE) return;
    context.fillStyle = fill;
    if (size < 16 && !round) context.fillRect(x + inset, y + inset, side, side);
    else { path(); context.fill(); }
    const unit = Math.min(size, 30) / 10;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.lineWidth = Math.max(1, unit * 0.62);
    if (state === SHUT && size >= 8) {
      context.fillStyle = colour["shut-mark"];
      context.beginPath();
      context.arc(...middle, Math.max(0.8, unit * 0.55), 0, 7);
      context.fill();
    } else if (state === OPEN && size >= 20) {
      context.strokeStyle = colour["open-mark"];
      context.beginPath();
      context.moveTo(middle[0] - 1.9 * unit, middle[1] + 0.1 * unit);
      context.lineTo(middle[0] - 0.5 * unit, middle[1] + 1.5 * unit);
      context.lineTo(middle[0] + 2 * unit, middle[1] - 1.5 * unit);
      context.stroke();
    } else if (state === NO_VALUE) {
      context.strokeStyle = colour["no-value-mark"];
      if (size >= 16) { context.lineWidth = 1; context.setLineDash([2, 2]); path(); context.stroke(); context.setLineDash([]); context.lineWidth = Math.max(1, unit * 0.62); }
      context.beginPath();
      context.arc(...middle, Math.max(1, size >= 16 ? unit * 1.7 : size / 2 - inset - 1.5), 0, 7);
      context.stroke();
    } else if (state === BROKEN && size >= 6) {
      context.strokeStyle = colour["on-wrong"];
      context.beginPath();
      for (const side of [-1, 1]) {
        context.moveTo(middle[0] - 1.7 * unit, middle[1] - 1.7 * unit * side);
        context.lineTo(middle[0] + 1.7 * unit, middle[1] + 1.7 * unit * side);
      }
      context.stroke();
    } else if (state === LEAK && size >= 6) {
      context.strokeStyle = colour["on-wrong"];
      context.lineWidth = Math.max(1.3, unit * 0.9);
      context.beginPath();
      context.moveTo(middle[0], middle[1] - 2.4 * unit);
      context.lineTo(middle[0], middle[1] + 0.6 * unit);
      context.moveTo(middle[0], middle[1] + 2.3 * unit);
      context.lineTo(middle[0], middle[1] + 2.35 * unit);
      context.stroke();
    }
  }

  function short(text, room) {
    if (pen.measureText(text).width <= room) return text;
    let length = text.length;
    while (length > 1 && pen.measureText(text.slice(0, length) + "…").width > room) length--;
    return text.slice(0, length) + "…";
  }

  function draw() {
    const { left, top, width, height } = box;
    const x0 = left - (paper ? 0 : grid.scrollLeft), y0 = top - (paper ? 0 : grid.scrollTop), size = view.size;
    const [firstRow, lastRow] = span(offsets.rows, top - y0, height - y0);
    const [firstColumn, lastColumn] = span(offsets.columns, left - x0, width - x0);
    const state = states[view.facet];
    const at = hover || (ringed || opened ? active : null);
    pen.clearRect(0, 0, width, height);
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width - left, height - top);
    pen.clip();
    if (at && view.rows.length) {
      pen.fillStyle = colour.hover;
      pen.fillRect(left, y0 + offsets.rows[at.row], x0 + offsets.columns.at(-1) - left, size);
      pen.fillRect(x0 + offsets.columns[at.column], top, size, y0 + offsets.rows.at(-1) - top);
    }
    for (let r = firstRow; r <= lastRow; r++) {
      const row = view.rows[r], y = y0 + offsets.rows[r];
      for (let c = firstColumn; c <= lastColumn; c++) {
        const column = view.columns[c];
        mark(pen, state[row * count + column], x0 + offsets.columns[c], y, size, row === column && size >= 8);
      }
    }
    if (!paper) for (const [which, shown, width] of [[active, ringed || opened, 2.5], [hover, hover, 1.5]]) {
      if (!shown || !view.rows.length) continue;
      const x = x0 + offsets.columns[which.column], y = y0 + offsets.rows[which.row];
      pen.lineWidth = width + 2;
      pen.strokeStyle = colour.surface;
      pen.beginPath();
      pen.roundRect(x - 1, y - 1, size + 2, size + 2, Math.min(6, size / 5));
      pen.stroke();
      pen.lineWidth = width;
      pen.strokeStyle = which === active ? colour.focus : colour.ink;
      pen.stroke();
    }
    pen.restore();
    heads(x0, y0, [firstRow, lastRow], [firstColumn, lastColumn], at);
  }

  function heads(x0, y0, [firstRow, lastRow], [firstColumn, lastColumn], at) {
    const { left, top, width, height } = box, size = view.size;
    const bands = (list) => Math.min(4, Math.max(1, ...list.map((i) => containers[i].networks.length)));
    pen.font = labelFont();
    pen.textBaseline = "middle";
    pen.save();
    pen.beginPath();
    pen.rect(0, top, left, height - top);
    pen.clip();
    pen.textAlign = "right";
    const rowBands = bands(view.rows) * 6;
    for (let r = firstRow; r <= lastRow; r++) {
      const container = containers[view.rows[r]], y = y0 + offsets.rows[r];
      container.networks.slice(0, 4).forEach((network, i) => {
        pen.fillStyle = colourOf(network);
        pen.fillRect(left - 4 - (i + 1) * 6 + 1, y + (size > 6 ? 0.5 : 0), 4, size > 6 ? size - 1 : size);
      });
      if (labelled()) {
        const marked = at && at.row === r;
        pen.font = (marked ? "600 " : "") + labelFont();
        pen.fillStyle = marked ? colour.ink : colour.muted;
        pen.fillText(short(container.name, left - rowBands - 12), left - rowBands - 10, y + size / 2 + 0.5);
      }
    }
    pen.restore();
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, width - left, top);
    pen.clip();
    pen.textAlign = "left";
    const columnBands = bands(view.columns) * 6;
    for (let c = firstColumn; c <= lastColumn; c++) {
      const container = containers[view.columns[c]], x = x0 + offsets.columns[c];
      container.networks.slice(0, 4).forEach((network, i) => {
        pen.fillStyle = colourOf(network);
        pen.fillRect(x + (size > 6 ? 0.5 : 0), top - 4 - (i + 1) * 6 + 1, size > 6 ? size - 1 : size, 4);
      });
      if (labelled()) {
        const marked = at && at.column === c;
        pen.font = (marked ? "600 " : "") + labelFont();
        pen.fillStyle = marked ? colour.ink : colour.muted;
        pen.save();
        pen.translate(x + size / 2 + 0.5, top - columnBands - 8);
        pen.rotate(-Math.PI / 2);
        pen.fillText(short(container.name, top - columnBands - 12), 0, 0);
        pen.restore();
      }
    }
    pen.restore();
    pen.strokeStyle = colour.line;
    pen.lineWidth = 1;
    if (grid.scrollTop > 0 && !paper) line(0, top - 0.5, width, top - 0.5);
    if (grid.scrollLeft > 0 && !paper) line(left - 0.5, 0, left - 0.5, height);
  }

  function line(x, y, toX, toY) {
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(toX, toY);
    pen.stroke();
  }

  // The chosen cell

  const chosen = () => view.rows.length && view.columns.length ? [view.rows[active.row], view.columns[active.column]] : null;

  function told([row, column]) {
    const state = states[view.facet][row * count + column];
    const cells = cellsOf(row * count + column).filter((cell) => view.facet === ALL || cell.facet === view.facet);
    const bad = cells.filter((cell) => cell.state >= NO_VALUE).map((cell) => `${data.facets[cell.facet]} ${cell.subject}`.trim());
    const title = row === column ? containers[row].name : `${containers[row].name} → ${containers[column].name}`;
    const more = bad.length ? `${bad.slice(0, 3).join(", ")}${bad.length > 3 ? ` and ${bad.length - 3} more` : ""}` : `${cells.length} ${cells.length === 1 ? "cell" : "cells"}`;
    return [title, `${WORDS[state]}: ${more}`];
  }

  // A new element each time: what is focused anew is read anew.
  function place(focus) {
    const pair = chosen();
    const old = grid.querySelector("[role=row]");
    const had = old && old.contains(document.activeElement);
    if (!pair) { old?.remove(); return; }
    const row = document.createElement("div"), cell = document.createElement("div");
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", active.row + 1);
    cell.setAttribute("role", "gridcell");
    cell.setAttribute("aria-colindex", active.column + 1);
    cell.setAttribute("aria-label", told(pair).join(", "));
    cell.setAttribute("aria-selected", "true");
    cell.tabIndex = 0;
    cell.style.cssText = `left:${box.left + offsets.columns[active.column]}px;top:${box.top + offsets.rows[active.row]}px;width:${view.size}px;height:${view.size}px`;
    row.append(cell);
    grid.append(row);
    if (focus || had) cell.focus({ preventScroll: true });
    old?.remove();
  }

  function reveal() {
    const x = offsets.columns[active.column], y = offsets.rows[active.row], size = view.size;
    const width = box.width - box.left, height = box.height - box.top;
    if (x < grid.scrollLeft) grid.scrollLeft = x - size;
    else if (x + size > grid.scrollLeft + width) grid.scrollLeft = x + 2 * size - width;
    if (y < grid.scrollTop) grid.scrollTop = y - size;
    else if (y + size > grid.scrollTop + height) grid.scrollTop = y + 2 * size - height;
  }

  function choose(row, column, focus = true) {
    active = {
      row: Math.max(0, Math.min(view.rows.length - 1, row)),
      column: Math.max(0, Math.min(view.columns.length - 1, column)),
    };
    reveal();
    place(focus);
    caption();
    if (opened) show(false);
    soon();
  }

  function caption() {
    const at = hover || (ringed || opened ? active : null), target = byId("caption");
    target.replaceChildren();
    if (!at || !view.rows.length || !view.columns.length) { target.textContent = " "; return; }
    const [title, words] = told([view.rows[at.row], view.columns[at.column]]);
    target.append(make("b", {}, title), "  ", words);
  }

  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  // The evidence

  const panel = byId("panel");
  function show(focus) {
    const pair = chosen();
    if (!pair) return;
    const [row, column] = pair, wasOpen = opened;
    opened = pair;
    byId("panel-title").textContent = told(pair)[0];
    byId("panel-about").replaceChildren(...[...new Set(pair)].map((i) => {
      const container = containers[i];
      const nets = container.networks.map((network) => make("span", { class: "net" }, make("i", { class: `dot n${network % NETWORK_COLOURS}` }), data.networks[network]));
      return make("div", {}, `${container.name} on ${container.node || "no node"}: `, ...nets);
    }));
    const cells = cellsOf(row * count + column).map((cell, i) => [cell, i]);
    const mine = (cell) => view.facet !== ALL && cell.facet === view.facet;
    cells.sort(([a, i], [b, j]) => mine(b) - mine(a) || Math.max(b.state, OPEN) - Math.max(a.state, OPEN) || i - j);
    // A cause that all share is said once, above them.
    const causes = new Set(cells.map(([cell]) => cell.cause).filter(Boolean)), one = causes.size === 1;
    const common = one ? [cause(cells.find(([cell]) => cell.cause)[0])] : [];
    byId("panel-body").replaceChildren(...common, ...(cells.length ? cells.map(([cell]) => evidence(cell, !one)) : [make("p", { class: "calm" }, "Nobody was asked to try this pair.")]));
    byId("turn").hidden = row === column;
    const none = troubles[view.facet][0] + troubles[view.facet][1] === 0;
    byId("previous").disabled = byId("next").disabled = none;
    panel.hidden = false;
    document.body.classList.add("with-panel");
    panel.scrollTop = 0;
    history.replaceState(null, "", `#${encodeURIComponent(containers[row].name)}/${encodeURIComponent(containers[column].name)}`);
    if (focus) byId("panel-title").focus();
    if (!wasOpen) soon();
  }

  function cause(cell) {
    const words = cell.verdict === 2 ? "Why nobody can say" : "Likely cause";
    return make("p", { class: `likely ${VERDICTS[cell.verdict]}` }, make("span", {}, words), cell.cause);
  }

  function evidence(cell, caused) {
    const verdict = VERDICTS[cell.verdict];
    const subject = cell.subject.startsWith("own:") ? `own line for ${cell.subject.slice(4)}` : cell.subject;
    const parts = [
      make("h3", {}, data.facets[cell.facet].replace("_", " "), make("code", {}, subject), make("span", { class: `tag ${verdict}` }, verdict.replace("_", " "))),
      make("p", {}, `expected ${cell.allowed ? "allowed" : "denied"}, observed ${cell.observed}`),
    ];
    if (cell.evidence) parts.push(make("p", { class: "evidence" }, cell.evidence));
    if (cell.cause && caused) parts.push(cause(cell));
    return make("article", { class: `cell ${verdict}` }, ...parts);
  }

  function close() {
    if (!opened) return;
    const inside = panel.contains(document.activeElement) || document.activeElement === document.body;
    opened = null;
    panel.hidden = true;
    document.body.classList.remove("with-panel");
    history.replaceState(null, "", location.pathname + location.search);
    if (inside) grid.querySelector("[role=gridcell]")?.focus({ preventScroll: true });
    soon();
    caption();
  }

  function open(row, column, focus) {
    let at = [view.rows.indexOf(row), view.columns.indexOf(column)];
    if (at.includes(-1)) { // hidden by a filter
      reset();
      at = [view.rows.indexOf(row), view.columns.indexOf(column)];
    }
    choose(...at, false);
    show(focus);
  }

  // The next pair that is not correct, in reading order.
  function step(by) {
    const total = view.rows.length * view.columns.length, width = view.columns.length;
    const here = active.row * width + active.column, least = trouble();
    for (let n = 1; n <= total; n++) {
      const at = ((here + by * n) % total + total) % total, r = Math.floor(at / width), c = at % width;
      if (states[view.facet][view.rows[r] * count + view.columns[c]] >= least) { choose(r, c, !panel.contains(document.activeElement)); return; }
    }
  }

  // Mouse, keys and filters

  function hit(event) {
    const frame = canvas.getBoundingClientRect();
    const x = event.clientX - frame.left, y = event.clientY - frame.top;
    const inX = x - box.left + grid.scrollLeft, inY = y - box.top + grid.scrollTop;
    const find = (ends, at) => { for (let i = 0; i < ends.length - 1; i++) if (at >= ends[i] && at < ends[i] + view.size) return i; return -1; };
    const row = y < box.top ? -1 : find(offsets.rows, inY), column = x < box.left ? -1 : find(offsets.columns, inX);
    if (row >= 0 && column >= 0) return { row, column };
    // A name stands for the container itself.
    if (row >= 0 && x < box.left) { const own = view.columns.indexOf(view.rows[row]); if (own >= 0) return { row, column: own }; }
    if (column >= 0 && y < box.top) { const own = view.rows.indexOf(view.columns[column]); if (own >= 0) return { row: own, column }; }
    return null;
  }

  grid.addEventListener("mousemove", (event) => {
    const at = hit(event);
    if (at?.row === hover?.row && at?.column === hover?.column) return;
    hover = at;
    grid.style.cursor = at ? "pointer" : "";
    caption();
    soon();
  });
  grid.addEventListener("mouseleave", () => { hover = null; caption(); soon(); });
  grid.addEventListener("click", (event) => {
    const at = hit(event);
    if (!at) return;
    choose(at.row, at.column);
    show(false);
    requestAnimationFrame(reveal);
  });
  grid.addEventListener("scroll", soon, { passive: true });
  grid.addEventListener("focusin", () => { ringed = true; reveal(); caption(); soon(); });
  grid.addEventListener("focusout", () => { ringed = false; caption(); soon(); });
  grid.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor((box.height - box.top) / view.size) - 1);
    const end = [view.rows.length - 1, view.columns.length - 1], { row, column } = active;
    const moves = {
      ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
      PageUp: [row - page, column], PageDown: [row + page, column],
      Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? end[0] : row, end[1]],
    };
    if (event.altKey || event.metaKey) return;
    if (moves[event.key]) choose(...moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") show(true);
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape" && opened) close();
    else if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === "n") step(1);
    else if (event.key === "p") step(-1);
    else if (event.key === "/") byId("find").focus();
    else return;
    event.preventDefault();
  });

  byId("close").addEventListener("click", close);
  byId("next").addEventListener("click", () => step(1));
  byId("previous").addEventListener("click", () => step(-1));
  byId("turn").addEventListener("click", () => { if (opened) open(opened[1], opened[0], false); });
  byId("find").addEventListener("input", (event) => { view.text = event.target.value; filter(); });
  byId("network").addEventListener("change", (event) => { view.network = Number(event.target.value); filter(); });
  byId("troubled").addEventListener("change", (event) => { view.troubled = event.target.checked; filter(); });
  const SIZES = [4, 6, 8, 11, 13, 16, 20, 26, 32, 40];
  byId("larger").addEventListener("click", () => { view.zoom = SIZES.find((size) => size > view.size) || 40; measure(); place(false); });
  byId("smaller").addEventListener("click", () => { view.zoom = [...SIZES].reverse().find((size) => size < view.size) || 4; measure(); place(false); });
  byId("fit").addEventListener("click", () => {
    view.zoom = Math.max(2, Math.min(40, Math.floor((room() - 40 - (count < 60 ? box.left : 0)) / Math.max(1, view.columns.length))));
    measure();
    place(false);
  });
  document.querySelectorAll("tr[data-source]").forEach((row) => {
    const find = (name) => containers.findIndex((container) => container.name === name);
    const pair = [find(row.dataset.source), find(row.dataset.target)];
    if (pair.includes(-1) || row.dataset.facet === "network") { delete row.dataset.source; return; }
    row.tabIndex = 0;
    const go = () => { open(...pair, true); };
    row.addEventListener("click", () => { if (!String(getSelection())) go(); });
    row.addEventListener("keydown", (event) => { if (event.key === "Enter") go(); });
  });

  function reset() {
    Object.assign(view, { network: -1, troubled: false, text: "" });
    byId("find").value = "";
    byId("network").value = "-1";
    byId("troubled").checked = false;
    filter();
  }

  function tabs() {
    const make_tab = (facet) => {
      const [wrong, without] = troubles[facet];
      const button = make("button", { type: "button", "aria-pressed": String(view.facet === facet), "data-facet": facet }, facet === ALL ? "all" : data.facets[facet].replace("_", " "));
      if (wrong || without) {
        const words = wrong ? `${wrong} wrong` : `${without} without a value`;
        button.append(make("span", { class: `trouble${wrong ? "" : " mild"}`, title: words, "aria-label": words }, String(wrong || without)));
      }
      button.addEventListener("click", () => {
        view.facet = facet;
        for (const each of byId("facets").children) each.setAttribute("aria-pressed", String(each === button));
        filter();
        if (opened) show(false);
      });
      return button;
    };
    const facets = data.facets.map((_, i) => i).filter((i) => data.facets[i] !== "network");
    byId("facets").append(...[ALL, ...facets].map(make_tab));
  }

  function legend() {
    const scale = window.devicePixelRatio || 1;
    byId("legend").replaceChildren(...[OPEN, SHUT, BROKEN, LEAK, NO_VALUE].map((state) => {
      const sample = make("canvas", { width: 20 * scale, height: 20 * scale, "aria-hidden": "true" });
      const context = sample.getContext("2d");
      context.scale(scale, scale);
      mark(context, state, 0, 0, 20, false);
      return make("li", {}, sample, WORDS[state]);
    }));
  }

  function repaint() {
    readColours();
    legend();
    if (!grid.hidden) measure();
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  addEventListener("beforeprint", () => { paper = true; repaint(); document.querySelectorAll("#picture details, .finding.wrong").forEach((each) => { each.open = true; }); });
  addEventListener("afterprint", () => { paper = false; repaint(); });
  let width = 0;
  new ResizeObserver(() => {
    if (paper || room() === width) return;
    width = room();
    measure();
    place(false);
    if (opened) reveal();
  }).observe(byId("matrix"));

  // Begin

  document.body.classList.add("scripted");
  byId("matrix").hidden = count === 0;
  readColours();
  tabs();
  legend();
  byId("network").append(make("option", { value: "-1" }, "all networks"), ...data.networks.map((name, i) => make("option", { value: i }, name)));
  filter();
  const first = states[ALL].findIndex((state) => state === BROKEN || state === LEAK);
  if (first >= 0) active = { row: view.rows.indexOf(Math.floor(first / count)), column: view.columns.indexOf(first % count) };
  place(false);
  const linked = location.hash.slice(1).split("/").map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  if (linked.length === 2) {
    const pair = linked.map((name) => containers.findIndex((container) => container.name === name));
    if (!pair.includes(-1)) { open(...pair, false); byId("matrix").scrollIntoView({ block: "center" }); }
  }
  document.documentElement.dataset.ready = Math.round(performance.now());
})();
