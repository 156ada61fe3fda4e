// The levels of the tree: its nodes one by one, or in bands where they are too
// many; then the outlines of the paths.

function drawLevel(f, level) {
  const { s, px, top } = f;
  const span = pow(level);
  if (level > top) return drawThinRow(f, level);
  const first = Math.max(0, Math.floor(view[0] / span));
  const last = Math.floor(Math.min(view[1], s.size - 1) / span);
  if (span * px >= 2.2 && last - first < 1600) {
    for (let index = first; index <= last; index++) drawNode(f, level, index, 0.8);
  } else if (last >= first) {
    drawBand(f, level, first, last);
    for (const index of singled(s, level)) {
      if (index >= first && index <= last) drawNode(f, level, index, 3);
    }
  }
  drawOutlines(f, level);
}

function drawThinRow({ rows, right, X, stage }, level) {
  const from = Math.max(X(0), gutter);
  const place = { x: from, y: rows[level].y, width: right - from, height: rows[level].h };
  el('rect', { ...place, fill: css('frontier'), 'data-level': level, 'data-index': 0 }, stage);
}

// singled returns the nodes that are drawn above a band, too.
function singled(s, level) {
  const newest = frontierIndex(s, level);
  const proven = s.witness ? above(s.witness.position, level) : -1;
  return [
    newest,
    isOmmer(s, level, newest - 1) ? newest - 1 : -1,
    proven,
    proven < 0 ? -1 : sibling(proven),
  ];
}

// extent returns where a node begins and ends; what is far out of the picture is cut.
function extent({ X, right }, level, index) {
  const start = Math.max(X(index * pow(level)), gutter - 40);
  const end = Math.min(X((index + 1) * pow(level)), right + 40);
  return { start, end };
}

function drawNode(f, level, index, least) {
  const p = place(f.s, level, index);
  if (p.kind === 'empty') return;
  const { y, h } = f.rows[level];
  const { start, end } = extent(f, level, index);
  const whole = pow(level) * f.px;
  const gap = whole > 6 ? 1 : 0;
  const box = { x: start, y, width: Math.max(end - start - gap, least), height: h };
  const round = whole > 12 ? 3 : 0;
  const look = nodeLook(f.s, p, level, index);
  const there = { 'data-level': level, 'data-index': index };
  const node = shape(f.stage, { ...box, rx: round }, look, there);
  if (whole <= 3) node.setAttribute('stroke', 'none');
  if (look === 'shard' && p.kind === 'tip') {
    // The shard's root is in the tip.
    shape(f.stage, { ...box, height: 5, rx: Math.min(round, 2) }, 'tip');
  }
  const how = touchOf(f.touched, p, level, index);
  if (how) outlineTouched(f.over, box, how);
  const from = Math.max(start, gutter);
  writeNode(f, level, index, p, from, Math.max(from, Math.min(end, f.right)));
}

function nodeLook(s, p, level, index) {
  if (level === 0 && p.kind === 'shard') return onProof(s, 0, index) ? 'proven' : 'leaf';
  if (level === 4 && p.kind !== 'before' && p.kind !== 'cap') return 'shard';
  return p.kind;
}

// touchOf tells what the call did to the record that a node is in.
function touchOf(touched, p, level, index) {
  if (level === 0) return undefined;
  return (level === 4 && touched[`shard(${index})`]) || touched[p.record];
}

// ---- texts in nodes ----

function writeNode(f, level, index, p, from, to) {
  const { s, over, rows } = f;
  const { y, h } = rows[level];
  const fill = css(isStored(p) ? 'onlight' : 'soft');
  if (level === 0) writeLeaf(f, index, p, from, to);
  else if (level === 4) writeShard(f, index, p, from, to);
  else if (level < 4) {
    const letters = roles(s, level, index).map(role => role.letter);
    writeIn(over, from, to, y + h - 3, 9, letters, { fill: css('ink'), 'font-weight': 700 });
  } else writeIn(over, from, to, y + h - 4, 10, nodeTexts(s, level, index, p), { fill });
}

function roles(s, level, index) {
  const found = [];
  if (isOmmer(s, level, index)) found.push({ letter: 'O', name: 'ommer' });
  if (isWitness(s, level, index)) found.push({ letter: 'W', name: 'witness' });
  return found;
}

// nodeTexts says what a node above the shards is, from long to short.
function nodeTexts(s, level, index, p) {
  const [role] = roles(s, level, index);
  const [long, short] = placeTexts(p);
  if (role) return [`${role.name}, ${long}`, `${role.name}, ${short}`, role.name, role.letter];
  return [long, short];
}

function placeTexts(p) {
  if (p.kind === 'before') return ['not known', 'not known'];
  if (p.kind === 'quad') return [`stored in ${p.record}`, p.record];
  if (isStored(p)) return [`stored in the ${p.record}`, p.record];
  if (p.partial) return ['not full yet: hashed when asked', 'not full yet'];
  return ['not stored: hashed when asked', 'not stored'];
}

function writeShard({ s, over, rows }, index, p, from, to) {
  const y = rows[4].y;
  const name = `shard ${group(index)}`;
  const [role] = roles(s, 4, index);
  const texts = role ? [`${name}, ${role.name}`, name, role.letter] : [name];
  const ink = { fill: css(p.kind === 'cap' ? 'onlight' : 'ink') };
  const written = writeIn(over, from, to, y + 16, 11, texts, ink);
  const size = shardBytes(s, index);
  if (written && size !== null) writeIn(over, from, to, y + 28, 10, [bytes(size)], ink);
}

function writeLeaf({ s, over, rows }, index, p, from, to) {
  if (p.kind === 'before') return;
  const y = rows[0].y;
  const end = `\u2026${String(index % 1000).padStart(3, '0')}`;
  const light = { fill: css('onleaf') };
  writeIn(over, from, to, y + 13, 10, index < 1000 ? [index + ''] : [group(index), end], light);
  const hash = leafHash(s, index);
  if (hash && to - from > 62) {
    writeIn(over, from, to, y + 25, 9.5, [hash.slice(0, Math.floor((to - from) / 8))], light);
  }
}

// ---- bands ----

// drawBand draws nodes that are too many as one box, of the look that most have.
function drawBand(f, level, first, last) {
  const { s, X, right, stage } = f;
  const span = pow(level);
  const p = place(s, level, Math.floor((s.origin + s.size) / 2 / span));
  const look = nodeLook(s, p, level, -1);
  const begin = X(s.origin);
  const from = Math.max(begin, gutter);
  const to = Math.max(Math.min(X(s.size), right), from + 1);
  const box = boxOf(f, level, from, to);
  shape(stage, box, look, { 'data-level': level, 'data-band': last - first + 1 });
  const here = last - Math.max(first, above(s.origin, level)) + 1;
  const y = box.y + box.height / 2 + 4;
  const room = roomBeside(f, level, from, to);
  writeBand(f, room, y, bandTexts(level, look, group(here)), look);
  if (s.origin > 0 && begin > gutter) drawBefore(f, level, Math.min(begin, right));
}

function boxOf({ rows }, level, from, to) {
  const { y, h } = rows[level];
  return { x: from, y, width: to - from, height: h };
}

function bandTexts(level, look, n) {
  if (level > 0 && level < 4) return [];
  if (level === 0) return [`${n} leaves`, n];
  if (level === 4) return [`${n} shards, stored`, `${n} shards`, n];
  if (look === 'quad') return [`${n} nodes, stored in quads`, `${n} in quads`, n];
  return [`${n} nodes, not stored: hashed when asked`, `${n} nodes, not stored`, n];
}

// roomBeside returns the widest part of a band that no single node is drawn over.
function roomBeside(f, level, from, to) {
  let room = [from, from];
  let free = from;
  const take = (start, end) => {
    if (start - free > room[1] - room[0]) room = [free, start];
    free = Math.max(free, end);
  };
  const nodes = singled(f.s, level).filter(index => index >= 0);
  for (const index of nodes.sort((a, b) => a - b)) {
    const { start, end } = extent(f, level, index);
    take(Math.min(start - 3, to), Math.max(end, start + 3) + 3);
  }
  take(to, to);
  return room;
}

function writeBand(f, [from, to], y, texts, look) {
  const onLook = { leaf: 'onleaf', quad: 'onlight', shard: 'ink' };
  writeIn(f.over, from, to, y, 10.5, texts, { fill: css(onLook[look] || 'soft') });
}

// drawBefore draws the part of a level that is before the tree's first frontier.
function drawBefore(f, level, to) {
  const from = Math.max(f.X(0), gutter);
  if (to <= from) return;
  const box = boxOf(f, level, from, to);
  shape(f.stage, box, 'before');
  const say = 'before the frontier that the tree started from: not known, not needed';
  const y = box.y + box.height / 2 + 4;
  const texts = [say, 'not known, not needed', 'not known'];
  if (level === 4) writeBand(f, [from, to], y, texts, 'before');
}

// ---- outlines, above all ----

function drawOutlines(f, level) {
  const { s } = f;
  const newest = frontierIndex(s, level);
  outline(f, level, newest, 'path');
  if (isOmmer(s, level, newest - 1)) outline(f, level, newest - 1, 'ommer');
  if (!s.witness || level === s.depth) return;
  const index = sibling(above(s.witness.position, level));
  if (index * pow(level) < s.size) outline(f, level, index, 'witness');
}

function outline(f, level, index, look) {
  const { start, end } = extent(f, level, index);
  if (end < gutter || start > f.right) return;
  const box = boxOf(f, level, start, Math.max(end - 1, start + 3));
  shape(f.over, { ...box, rx: pow(level) * f.px > 12 ? 3 : 0 }, look);
}
