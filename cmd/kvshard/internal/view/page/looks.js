// How things look: the picture and its legend draw with the same looks.

const SVG = 'http://www.w3.org/2000/svg';
const css = name => `var(--${name})`;

function el(name, attributes, parent) {
  const e = document.createElementNS(SVG, name);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  parent.appendChild(e);
  return e;
}

// A look is one layer or more; a layer has a fill, or a stroke of some width.
const looks = {
  leaf: [{ fill: 'leaf' }],
  shard: [{ fill: 'shard', stroke: 'leaf' }],
  quad: [{ fill: 'quad' }],
  tip: [{ fill: 'tip' }],
  cap: [{ fill: 'cap', stroke: 'capline' }],
  summary: [{ fill: 'faint', stroke: 'soft' }],
  derived: [{ stroke: 'derived', dash: '3 2' }],
  before: [{ pattern: 'hatch' }],
  path: [{ stroke: 'frontier', width: 2.6 }],
  ommer: [
    { stroke: 'ommer', width: 4 },
    { stroke: 'card', width: 1 },
  ],
  witness: [{ stroke: 'witness', width: 3 }],
  proven: [{ fill: 'witness' }],
  read: [{ stroke: 'ink', width: 2.2, dash: '2 3' }],
  written: [{ stroke: 'ink', width: 2.2 }],
};

// What the legend says, and when: of every tree unless "when" says otherwise.
const legend = [
  ['leaf', 'leaf'],
  ['shard', 'stored: shard, 16 leaves a record'],
  ['quad', 'stored: quad, 4 nodes a record'],
  ['tip', 'stored: tip'],
  ['cap', 'stored: cap'],
  ['summary', 'stored: summary of the checkpoints'],
  ['derived', 'not stored: hashed when asked'],
  ['before', 'before the tree\u2019s first frontier: not known', s => s.origin > 0],
  ['path', 'path of the newest leaf'],
  ['ommer', 'O: ommer, a left sibling of that path'],
  ['proven', 'proven leaf', s => s.witness],
  ['witness', 'W: witness, a sibling on the proven leaf\u2019s path', s => s.witness],
  ['read', 'read by this call', () => mode === 'replay'],
  ['written', 'written by this call', () => mode === 'replay'],
];

// shape draws a box of a look; attributes go to its first layer, which it returns.
function shape(parent, box, look, attributes) {
  const layers = looks[look].map(({ fill, pattern, stroke, width, dash }) =>
    el(
      'rect',
      {
        ...box,
        fill: pattern ? `url(#${pattern})` : fill ? css(fill) : 'transparent',
        stroke: stroke ? css(stroke) : 'none',
        'stroke-width': width || 1,
        'stroke-dasharray': dash || 'none',
        'data-look': look,
        'pointer-events': attributes ? 'auto' : 'none',
      },
      parent,
    ),
  );
  for (const k in attributes) layers[0].setAttribute(k, attributes[k]);
  return layers[0];
}

// flagPath is a checkpoint's flag, from its pole to the right or to the left.
function flagPath(x, y, width, left) {
  return left
    ? `M${x} ${y}h-${width}l5 7l-5 7h${width}z`
    : `M${x} ${y}h${width}l-5 7l5 7h-${width}z`;
}

function swatch(label) {
  const span = document.createElement('span');
  const icon = el('svg', { viewBox: '0 0 24 18' }, span);
  span.append(label);
  $('legend').append(span);
  return { span, icon };
}

// makeLegend returns a function that shows what a state needs of the legend.
function makeLegend() {
  const sometimes = [];
  for (const [look, label, when] of legend) {
    const { span, icon } = swatch(label);
    shape(icon, { x: 3, y: 3, width: 18, height: 12, rx: 2 }, look);
    if (when) sometimes.push(s => (span.hidden = !when(s)));
  }
  const { icon } = swatch('checkpoint (\u2605 retained; +3: three more, zoom in)');
  el('path', { d: flagPath(2, 2, 20, false), fill: css('ink') }, icon);
  return s => sometimes.forEach(show => show(s));
}
