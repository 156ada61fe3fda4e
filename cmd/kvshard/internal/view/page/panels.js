// What stands around the picture.

const leads = {
  store:
    'You look at a note commitment tree: each box is a node, from the root at the top to the ' +
    'leaves at the bottom, and its colour says which record of the store holds it.',
  replay:
    'You look at a small chain, one call at a time: the tree after the call, outlined where the ' +
    'call read or wrote, and below it each operation on the store.',
};

function escapeHTML(text) {
  const div = document.createElement('div');
  div.textContent = text;
  return div.innerHTML;
}

// table makes one of rows of cells; a cell is a text or [text, class].
function table(heads, rows) {
  const line = tag => cells => {
    const marked = cells.map(cell => {
      const [text, kind] = Array.isArray(cell) ? cell : [cell, ''];
      return `<${tag} class="${kind}">${text}</${tag}>`;
    });
    return `<tr>${marked.join('')}</tr>`;
  };
  return `<table>${line('th')(heads)}${rows.map(line('td')).join('')}</table>`;
}

const num = n => [group(n), 'num'];

// ---- the head ----

function showFacts(showLegend) {
  const s = state();
  $('lead').textContent = s.lacking ? `${leads[mode]} There is ${s.lacking}.` : leads[mode];
  $('where').textContent = mode === 'store' ? placeOf(s) : 'a demo';
  $('size').textContent = group(s.size);
  $('root').textContent = s.root || 'unknown';
  $('goLeaf').disabled = !s.witness;
  showLegend(s);
}

const placeOf = s => (s.scheme === 'orchard' ? s.where : `${s.where}, scheme ${s.scheme}`);

async function copyRoot() {
  try {
    await navigator.clipboard.writeText($('root').textContent);
    $('copyRoot').textContent = 'Copied';
    setTimeout(() => ($('copyRoot').textContent = 'Copy'), 1500);
  } catch {
    getSelection().selectAllChildren($('root')); // to be copied by hand
  }
}

// ---- the store ----

function showStore() {
  const s = data.store;
  $('records').innerHTML = recordsTable(s) + checkpointsSay(s.checkpoints);
  if (!s.witness) {
    const ommers = s.ommers.map(([level, index, hash]) => [num(level), num(index), [hash, 'mono']]);
    $('proof').innerHTML = table(['level', 'index', 'ommer'], ommers);
    return;
  }
  const { position, leaf } = s.witness;
  $('proofTitle').textContent = `Witness of the leaf at position ${group(position)}`;
  const ends = `<p class="say mono">leaf ${leaf}<br>root ${s.root}</p>`;
  $('proof').innerHTML = ends + witnessTable(s);
}

function recordsTable({ kinds }) {
  const list = Object.entries(kinds);
  const sum = part => list.reduce((all, [, kind]) => all + part(kind), 0);
  const rows = list.map(([name, kind]) => [name, num(kind.records), num(kind.bytes)]);
  const records = sum(kind => kind.records);
  rows.push(['<b>with keys</b>', num(records), num(sum(kind => kind.bytes + kind.keyBytes))]);
  return table(['kind', ['records', 'num'], ['bytes', 'num']], rows);
}

function checkpointsSay(list) {
  if (!list.length) return '';
  const ids = `${list[0].id} to ${list[list.length - 1].id}`;
  return `<p class="say">checkpoints: ${list.length}, from ${ids}</p>`;
}

function witnessTable(s) {
  const rows = s.witness.path.map((hash, level) => {
    const index = sibling(above(s.witness.position, level));
    const empty = index * pow(level) >= s.size ? ' (empty)' : '';
    return [num(level), num(index), [hash + empty, 'mono']];
  });
  return table(['level', 'index', 'sibling'], rows);
}
