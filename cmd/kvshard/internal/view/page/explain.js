// What is under the mouse, in words.

const tip = $('tip');
const mono = text => `<span class="mono">${text}</span>`;

// explain returns what a tip says of an element of the picture, or null.
function explain(target) {
  const { level, index, band } = target.dataset;
  if (band) {
    return `<b>level ${level}: ${group(+band)} nodes in view</b>zoom in to see them apart`;
  }
  if (level !== undefined) return explainNode(state(), +level, +index);
  const flag = target.closest('[data-checkpoint]');
  if (flag) {
    return `<b>checkpoint ${flag.dataset.checkpoint}</b>at size ${group(+flag.dataset.size)}`;
  }
  const more = target.closest('[data-more]');
  if (more) return explainMore(more.dataset);
  const record = target.closest('[data-record]');
  return record && explainRecord(record.dataset);
}

function explainMore({ more, from, to }) {
  if (more === '1') return `<b>one more checkpoint: ${from}</b>zoom in to see it apart`;
  return `<b>${more} more checkpoints: ${from} to ${to}</b>zoom in to see them apart`;
}

const explainRecord = ({ record, key, bytes: size }) =>
  `<b>${record}</b>key ${mono(key)}<br>${bytes(+size)}`;

function explainNode(s, level, index) {
  const p = place(s, level, index);
  const lines = [];
  if (level > 0) lines.push(explainSpan(s, level, index, p));
  if (level === 4) lines.push(...explainShard(s, index));
  lines.push(...explainPlace(s, p, level));
  const found = explainRoles(s, level, index);
  if (found.length) lines.push(found.join(', '));
  const hash = nodeHash(s, level, index);
  if (hash) lines.push(mono(hash));
  return `<b>${nodeName(level, index)}</b>${lines.join('<br>')}`;
}

function nodeName(level, index) {
  if (level === 0) return `leaf at position ${group(index)}`;
  if (level === 4) return `shard ${group(index)}`;
  return level === state().depth ? 'root' : `node ${group(index)} of level ${level}`;
}

function explainSpan(s, level, index, p) {
  const first = index * pow(level);
  const last = first + pow(level) - 1;
  const there = p.partial ? `, of which ${group(s.size - first)} are there` : '';
  return `positions ${group(first)} to ${group(last)}${there}`;
}

function explainShard(s, index) {
  const key = hexKey(s.kinds.shard.key, [index, 8]);
  const lines = [`its record: ${mono(`shard(${index})`)}, key ${mono(key)}`];
  const size = shardBytes(s, index);
  if (size !== null) lines.push(`${bytes(size)} and ${key.length / 2} of key`);
  return lines;
}

function explainPlace(s, p, level) {
  if (p.kind === 'derived') return [`derived: ${whyDerived(p, level)}`];
  if (p.kind === 'before') return ['before the frontier that the tree started from: never known'];
  const lines = [`stored in ${mono(p.record)}, key ${mono(p.key)}`];
  if (p.kind === 'quad') lines.push(`129 B and ${p.key.length / 2} of key, written once`);
  const size = p.kind === 'shard' ? shardBytes(s, p.index) : s.kinds[p.kind].bytes;
  if (p.kind !== 'quad' && size !== null) lines.push(`${bytes(size)} in all`);
  return lines;
}

function whyDerived(p, level) {
  if (p.partial) return 'it is not full yet and changes with every append; a root hashes it';
  if (level < 4) return 'not stored, hashed from the shard\u2019s leaves when asked';
  if (level === 4) return 'the root is hashed from the leaves, or is in the quad above';
  return 'not stored, hashed from the nodes below, or not needed until its quad is complete';
}

function explainRoles(s, level, index) {
  const found = [];
  if (onFrontier(s, level, index)) found.push('on the newest leaf\u2019s path');
  if (isOmmer(s, level, index)) found.push('ommer: a left sibling of the newest leaf\u2019s path');
  if (isWitness(s, level, index)) found.push('in the witness');
  if (onProof(s, level, index)) {
    found.push(level === 0 ? 'the proven leaf' : 'on the proven leaf\u2019s path');
  }
  return found;
}

function showTip({ target, clientX, clientY }) {
  const text = explain(target);
  tip.style.display = text ? 'block' : 'none';
  if (!text) return;
  tip.innerHTML = text;
  const left = Math.min(clientX + 14, innerWidth - tip.offsetWidth - 8);
  const top = Math.min(clientY + 14, innerHeight - tip.offsetHeight - 8);
  tip.style.left = `${Math.max(left, 8)}px`;
  tip.style.top = `${Math.max(top, 8)}px`;
}

function hideTip() {
  tip.style.display = 'none';
}
