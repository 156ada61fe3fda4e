// The picture: a frame with a row for each level, the checkpoints, and the
// records that stand alone.

const svg = $('picture');
let gutter = 118; // left of the picture, for labels
let view = [0, 64]; // positions, from and to
let frame; // of the newest picture

const most = () => Math.max(64, state().size * 1.06);
const clampWidth = width => Math.min(Math.max(width, 8), most());

function clampView() {
  const width = clampWidth(view[1] - view[0]);
  const least = -width * 0.02;
  const from = Math.min(Math.max(view[0], least), Math.max(most() - width, least));
  view = [from, from + width];
}

function draw() {
  clampView();
  frame = newFrame(state());
  drawLabels(frame);
  if (frame.s.size === 0) drawEmpty(frame);
  else for (let level = frame.s.depth; level >= 0; level--) drawLevel(frame, level);
  drawCheckpoints(frame);
  drawRecords(frame);
}

// newFrame empties the picture, and tells where everything goes.
function newFrame(s) {
  const width = svg.clientWidth || 1200;
  const narrow = width < 640;
  gutter = narrow ? 96 : 118;
  const right = width - (narrow ? 8 : 14);
  const { rows, top, bottom } = rowsOf(s);
  const ground = bottom + 2; // of the checkpoints
  const alone = ground + 16 * flagRows + 20; // the records that stand alone
  const px = (right - gutter) / (view[1] - view[0]);
  const X = position => gutter + (position - view[0]) * px;
  const f = { s, width, narrow, right, rows, top, ground, alone, px, X, touched: s.touched || {} };
  f.height = alone + (width < 1000 ? (narrow ? 82 : 56) : 40);
  svg.setAttribute('viewBox', `0 0 ${width} ${f.height}`);
  svg.style.height = `${f.height}px`;
  svg.replaceChildren();
  drawDefs(f);
  f.stage = el('g', { 'clip-path': 'url(#clip)' }, svg);
  f.over = el('g', { 'clip-path': 'url(#clip)' }, svg);
  return f;
}

function drawDefs({ right, height }) {
  const defs = el('defs', {}, svg);
  const clip = el('clipPath', { id: 'clip' }, defs);
  el('rect', { x: gutter, y: 0, width: right - gutter, height }, clip);
  const size = { width: 6, height: 6 };
  const turned = { patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' };
  const hatch = el('pattern', { id: 'hatch', ...size, ...turned }, defs);
  el('rect', { ...size, fill: css('faint') }, hatch);
  el('line', { x1: 0, y1: 0, x2: 0, y2: 6, stroke: css('line'), 'stroke-width': 2 }, hatch);
}

// rowsOf places the levels. Above the top level there is one path, in thin rows.
function rowsOf(s) {
  const top = Math.max(7, Math.ceil(Math.log2(Math.max(s.size, 16))));
  const rows = [];
  let y = 14;
  for (let level = s.depth; level >= 0; level--) {
    const h = rowHeight(level, top);
    rows[level] = { y, h };
    y += h + rowGap(level, top);
  }
  return { rows, top, bottom: y };
}

function rowHeight(level, top) {
  if (level > top) return 2;
  if (level >= 5) return 15;
  return { 4: 34, 0: 30 }[level] || 12;
}

function rowGap(level, top) {
  if (level > top) return level === top + 1 ? 6 : 2;
  return level === 5 || level === 7 ? 10 : 3;
}

// ---- text ----

// textWidth is an estimate, on the large side.
const textWidth = (text, size) => text.length * size * 0.62;

// fitting returns the first text that is no wider than the room, or none.
const fitting = (room, size, texts) => texts.find(text => textWidth(text, size) + 8 <= room);

function write(parent, x, y, text, attributes) {
  const t = el('text', { x, y, 'font-size': 11, 'pointer-events': 'none', ...attributes }, parent);
  t.textContent = text;
  return t;
}

// writeIn writes the first text that fits into the middle of a room.
function writeIn(parent, from, to, y, size, texts, attributes) {
  const text = fitting(to - from, size, texts);
  if (text === undefined) return null;
  const middle = { 'text-anchor': 'middle', 'font-size': size };
  return write(parent, (from + to) / 2, y, text, { ...middle, ...attributes });
}

function label(y, text, strong) {
  const style = strong ? { fill: css('ink'), 'font-weight': 600 } : { fill: css('soft') };
  write(svg, gutter - 10, y, text, { 'text-anchor': 'end', ...style });
}

function drawLabels({ s, rows, top, ground, alone, narrow }) {
  label(rows[s.depth].y + 7, narrow ? 'root' : `level ${s.depth}: root`, true);
  if (top < s.depth - 6) {
    const levels = `${top + 1} to ${s.depth - 1}`;
    const path = narrow ? levels : `${levels}: one path`;
    label(rows[top + 1].y + 3, path);
  }
  for (let level = top; level >= 1; level--) {
    if (level >= 5 || level % 2 === 1) label(rows[level].y + rows[level].h - 3, level);
  }
  label(rows[4].y + 14, 'shards', true);
  label(rows[4].y + 27, narrow ? 'of 16' : '16 leaves each');
  label(rows[0].y + 14, 'leaves', true);
  label(rows[0].y + 26, 'positions \u2192');
  label(ground + 16, 'checkpoints', true);
  label(alone + 20, narrow ? 'records' : 'other records', true);
}

function drawEmpty({ rows, right, narrow }) {
  const say = [['The tree is empty: its store holds no record.', 'An empty tree: no record.']];
  if (mode === 'replay') {
    say.push(['The next call appends the first leaves.', 'The next call fills it.']);
  }
  const size = narrow ? 11 : 13;
  say.forEach((texts, i) => {
    const y = rows[5].y + 20 * i;
    writeIn(svg, gutter, right, y, size, texts, { fill: css('soft'), 'data-empty': '' });
  });
}

// ---- the records that stand alone ----

function drawRecords(f) {
  const gap = f.narrow ? 6 : 12;
  const width = Math.min(150, (f.right - gutter - 2 * gap) / 3);
  ['tip', 'cap', 'summary'].forEach((name, i) =>
    drawRecord(f, name, { x: gutter + 2 + i * (width + gap), y: f.alone + 3, width: width - 4 }),
  );
  drawScale(f, gutter + 3 * (width + gap));
}

function drawRecord({ s, touched, narrow }, name, place) {
  const { bytes: size, key } = s.kinds[name];
  const box = { ...place, height: narrow ? 36 : 26, rx: 5 };
  const g = el('g', { 'data-record': name, 'data-key': key, 'data-bytes': size }, svg);
  shape(g, box, size > 0 ? name : 'derived', {});
  const fill = css(size > 0 && name !== 'summary' ? 'onlight' : 'ink');
  const lines = [name, size > 0 ? bytes(size) : 'none'];
  const middle = { 'text-anchor': 'middle', fill };
  const x = box.x + box.width / 2;
  if (narrow) lines.forEach((line, i) => write(g, x, box.y + 15 + 14 * i, line, middle));
  else write(g, x, box.y + 17, lines.join(size > 0 ? ' \u00b7 ' : ': '), middle);
  if (touched[name]) outlineTouched(g, box, touched[name]);
}

// outlineTouched shows that the call read or wrote what is in a box.
function outlineTouched(parent, { x, y, width, height }, how) {
  const box = { x: x - 1, y: y - 1.5, width: width + 2, height: height + 3, rx: 3 };
  shape(parent, box, how === 'get' ? 'read' : 'written');
}

// drawScale tells what is in view, beside the records or below.
function drawScale({ s, right, alone, narrow }, from) {
  if (s.size === 0) return;
  const a = Math.max(0, Math.floor(view[0]));
  const b = Math.max(a + 1, Math.min(s.size, Math.ceil(view[1])));
  const shards = group(Math.ceil(b / 16) - Math.floor(a / 16));
  const positions = `in view: positions ${group(a)} to ${group(b - 1)}`;
  const part = `${shards} of ${group(Math.ceil(s.size / 16))} shards`;
  const soft = { fill: css('soft') };
  const whole = `${positions}, ${part}`;
  if (narrow) {
    write(svg, 10, alone + 58, positions, soft);
    write(svg, 10, alone + 73, part, soft);
  } else if (textWidth(whole, 11) < right - from) {
    write(svg, right, alone + 20, whole, { ...soft, 'text-anchor': 'end' });
  } else write(svg, gutter, alone + 48, whole, soft);
}
