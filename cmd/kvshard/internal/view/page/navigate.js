// Moving through the picture, with mouse, finger and keyboard; saving it.

const scaleOf = () => (frame.right - gutter) / (view[1] - view[0]);

function fit() {
  view = [0, most()];
  draw();
}

function around(position, width) {
  view = [position - width / 2, position + width / 2];
  draw();
}

function move(by) {
  view = [view[0] + by, view[1] + by];
  draw();
}

// zoom keeps what is at x where it is, or the middle.
function zoom(factor, x) {
  const at = x === undefined ? (view[0] + view[1]) / 2 : view[0] + (x - gutter) / scaleOf();
  const width = clampWidth((view[1] - view[0]) * factor);
  const part = (at - view[0]) / (view[1] - view[0]);
  view = [at - width * part, at + width * (1 - part)];
  draw();
}

// ---- mouse and finger ----

let dragging = null;

const insideX = e => e.clientX - svg.getBoundingClientRect().left;

function startDrag(e) {
  dragging = { x: e.clientX, view: view.slice() };
  svg.setPointerCapture(e.pointerId);
  hideTip();
}

function endDrag() {
  dragging = null;
}

function pointerMoved(e) {
  if (!dragging) return showTip(e);
  const by = (dragging.x - e.clientX) / scaleOf();
  view = dragging.view.map(position => position + by);
  draw();
}

function wheelTurned(e) {
  e.preventDefault();
  if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) return move(e.deltaX / scaleOf());
  zoom(Math.exp(Math.min(Math.max(e.deltaY, -200), 200) / 300), insideX(e));
}

// ---- keyboard ----

const keys = {
  ArrowLeft: width => move(-width / 8),
  ArrowRight: width => move(width / 8),
  '+': () => zoom(0.5),
  '=': () => zoom(0.5),
  '-': () => zoom(2),
  Home: width => around(0, width),
  End: width => around(state().size, width),
  0: fit,
};

function keyPressed(e) {
  if (!keys[e.key]) return;
  keys[e.key](view[1] - view[0]);
  e.preventDefault();
}

// ---- buttons ----

function goToLeaf() {
  const { witness } = state();
  if (witness) around(witness.position, 40);
}

function goToPosition(e) {
  const position = Number(e.target.value);
  if (position >= 0 && position < state().size) around(position, 40);
}

function setTheme(name) {
  html.dataset.theme = name;
  $('theme').textContent = name === 'dark' ? 'Light' : 'Dark';
}

function otherTheme() {
  setTheme(html.dataset.theme === 'dark' ? 'light' : 'dark');
}

// ---- the picture as a file of its own: with colours in the place of variables ----

function asSVG() {
  const style = getComputedStyle(html);
  const copy = svg.cloneNode(true);
  const [, , width, height] = svg.getAttribute('viewBox').split(' ');
  for (const name of ['style', 'id', 'tabindex']) copy.removeAttribute(name);
  copy.setAttribute('xmlns', SVG);
  copy.setAttribute('width', width);
  copy.setAttribute('height', height);
  copy.setAttribute('font-family', 'system-ui, "DejaVu Sans", sans-serif');
  copy.prepend(el('rect', { width, height, fill: css('page') }, copy));
  const text = new XMLSerializer().serializeToString(copy);
  return text.replace(/var\((--\w+)\)/g, (_, name) => style.getPropertyValue(name).trim());
}

function saveSVG() {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([asSVG()], { type: 'image/svg+xml' }));
  link.download = 'tree.svg';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function listen() {
  svg.addEventListener('pointermove', pointerMoved);
  svg.addEventListener('pointerleave', hideTip);
  svg.addEventListener('pointerdown', startDrag);
  svg.addEventListener('pointerup', endDrag);
  svg.addEventListener('pointercancel', endDrag);
  svg.addEventListener('wheel', wheelTurned, { passive: false });
  svg.addEventListener('dblclick', e => zoom(0.25, insideX(e)));
  svg.addEventListener('keydown', keyPressed);
  addEventListener('resize', draw);
  $('zoomIn').onclick = () => zoom(0.5);
  $('zoomOut').onclick = () => zoom(2);
  $('fit').onclick = fit;
  $('goFrontier').onclick = () => around(Math.max(0, state().size - 20), 64);
  $('goLeaf').onclick = goToLeaf;
  $('position').onchange = goToPosition;
  $('theme').onclick = otherTheme;
  $('save').onclick = saveSVG;
}
