// Checkpoints: flags on poles below the leaves, the newest first. Those at one
// size share a pole; those that find no room are counted: "+3".

const flagRows = 4; // the last is for what finds no room in the others
const moreWidth = 46; // of a flag "+12345"

const flagWidth = text => Math.max(26, text.length * 6.4 + 14);

function drawCheckpoints(f) {
  const { ground, right, stage } = f;
  el('line', { x1: gutter, x2: right, y1: ground, y2: ground, stroke: css('line') }, svg);
  const { flags, rest } = placeFlags(f, polesOf(f));
  const more = gather(f, rest);
  for (const { x } of rest) drawPole(f, x, 12, 0.8); // the poles are behind all flags
  for (const { x, row } of flags) drawPole(f, x, 24 + 16 * row, 1.6);
  for (const { x } of more) drawPole(f, x, 24 + 16 * (flagRows - 1), 0.8);
  for (const flag of flags) drawFlag(f, flag, el('g', named(flag), stage));
  for (const flag of more) drawFlag(f, flag, el('g', counted(flag), stage));
}

// polesOf returns the sizes in view that have checkpoints, the largest first.
function polesOf({ s, X, right }) {
  const bySize = groupBySize(s.checkpoints);
  return [...bySize]
    .map(([size, list]) => ({ size, list, x: X(size) }))
    .filter(({ x }) => x >= gutter - 2 && x <= right + 2)
    .sort((a, b) => b.size - a.size);
}

function groupBySize(checkpoints) {
  const bySize = new Map();
  for (const c of checkpoints) {
    if (!bySize.has(c.size)) bySize.set(c.size, []);
    bySize.get(c.size).push(c);
  }
  return bySize;
}

function flagText(list) {
  const newest = list[list.length - 1].id;
  const ids = list.length > 1 ? `${list[0].id}\u2026${newest}` : `${newest}`;
  return list.some(c => c.retained) ? `${ids} \u2605` : ids;
}

// placeFlags gives each pole a flag in the first row that has room for it.
function placeFlags({ right }, poles) {
  const free = new Array(flagRows - 1).fill(Infinity); // left of what is in the row
  const flags = [];
  const rest = [];
  for (const pole of poles) {
    const text = flagText(pole.list);
    const width = flagWidth(text);
    const left = pole.x + width > right;
    const from = left ? pole.x - width : pole.x;
    const row = free.findIndex(place => from + width + 4 < place);
    if (row < 0) rest.push(pole);
    else {
      free[row] = from;
      flags.push({ ...pole, text, width, left, row });
    }
  }
  return { flags, rest };
}

// gather makes one flag of the poles that have none and are near each other.
function gather({ right }, rest) {
  const groups = [];
  let edge = Infinity; // left of the newest group's flag
  for (const { x, list } of rest) {
    const left = x + moreWidth > right;
    const from = left ? x - moreWidth : x;
    if (from + moreWidth + 4 < edge) {
      groups.push({ x, left, list: [...list], row: flagRows - 1 });
      edge = from;
    } else groups[groups.length - 1].list.unshift(...list);
  }
  return groups.map(g => {
    const text = `+${g.list.length}`;
    return { ...g, text, width: flagWidth(text) };
  });
}

const named = ({ list, size }) => ({
  'data-checkpoint': list.map(c => `${c.id}${c.retained ? ' (retained)' : ''}`).join(', '),
  'data-size': size,
});

const counted = ({ list }) => ({
  'data-more': list.length,
  'data-from': list[0].id,
  'data-to': list[list.length - 1].id,
});

function drawPole({ ground, stage }, x, length, width) {
  const ends = { x1: x, x2: x, y1: ground - 4, y2: ground + length };
  el('line', { ...ends, stroke: css('ink'), 'stroke-width': width }, stage);
}

function drawFlag({ ground, touched }, { x, row, list, text, width, left }, parent) {
  const y = ground + 10 + 16 * row;
  const did = list.map(c => touched[`checkpoint(${c.id})`]);
  const wrote = did.some(how => how && how !== 'get');
  const style = { fill: css('ink'), stroke: css('ink'), 'stroke-width': wrote ? 4 : 0 };
  el('path', { d: flagPath(x, y, width, left), ...style }, parent);
  const from = left ? x - width + 7 : x + 4;
  write(parent, from, y + 11, text, { 'font-size': 10.5, fill: css('page') });
}
