'use strict';

// What is known of a tree, and where its nodes are.

// A page that fails says so, for its tests.
const html = document.documentElement;
window.addEventListener('error', e => html.setAttribute('data-error', String(e.message)));

const data = JSON.parse(document.getElementById('data').textContent);
const demo = data.demo;
const $ = id => document.getElementById(id);

let mode = 'store'; // or 'replay'
let step = 0; // of the replay

// state returns what is shown: the store, or the demo's after a call.
function state() {
  if (mode === 'store') return data.store;
  const call = demo.steps[step];
  const { after, touched, witness } = call;
  return {
    ...after,
    leaves: demo.leaves.slice(0, after.size),
    witness: witness === undefined ? null : { position: witness },
    touched,
  };
}

// ---- numbers ----

const pow = n => 2 ** n;
const group = n => n.toLocaleString('en-US');

function bytes(n) {
  if (n < 10000) return `${group(n)} B`;
  if (n < 1e7) return `${group(Math.round(n / 1000))} kB`;
  return `${group(Math.round(n / 1e6))} MB`;
}

// hexKey appends numbers to a key, each of so many bytes.
const hexKey = (key, ...numbers) =>
  key + numbers.map(([n, length]) => n.toString(16).padStart(2 * length, '0')).join('');

// ---- paths: of the newest leaf, and of the one that is proven ----

const sibling = n => (n % 2 === 0 ? n + 1 : n - 1);
const above = (position, level) => Math.floor(position / pow(level));

const frontierIndex = (s, level) => (s.size === 0 ? -1 : above(s.size - 1, level));
const onFrontier = (s, level, index) => index === frontierIndex(s, level);

function isOmmer(s, level, index) {
  const newest = frontierIndex(s, level);
  return s.size > 0 && level < s.depth && newest % 2 === 1 && index === newest - 1;
}

const onProof = (s, level, index) => s.witness && index === above(s.witness.position, level);
const isWitness = (s, level, index) =>
  s.witness && level < s.depth && index === sibling(above(s.witness.position, level));

// ---- places ----

// place tells where the node at a level and an index is, as FORMAT.md has it.
// Its kind is empty, before (the tree's first frontier), derived, or that of a
// record.
function place(s, level, index) {
  const end = (index + 1) * pow(level);
  if (index * pow(level) >= s.size) return { kind: 'empty' };
  if (level === 0) return leafPlace(s, index);
  if (end <= s.origin) return placeBefore(s, level, index);
  if (end > s.size) return { kind: 'derived', partial: true };
  if (level < 4) return { kind: 'derived' };
  return placeAbove(s, level, index);
}

function leafPlace(s, position) {
  if (position < s.firstLeaf) return { kind: 'before' };
  const index = above(position, 4);
  const key = hexKey(s.kinds.shard.key, [index, 8]);
  return { kind: 'shard', record: `shard(${index})`, key, index };
}

// placeBefore: of the nodes before the first frontier, only its ommers are known.
function placeBefore(s, level, index) {
  const newest = above(s.origin - 1, level);
  const ommer = newest % 2 === 1 && index === newest - 1;
  return level >= 4 && ommer ? alone(s, 'cap') : { kind: 'before' };
}

const alone = (s, kind) => ({ kind, record: kind, key: s.kinds[kind].key });

// placeAbove is of complete nodes, from the shards' roots up.
function placeAbove(s, level, index) {
  // Where n nodes end, of which this is one.
  const ends = n => (Math.floor(index / n) + 1) * n * pow(level);
  if (level === 4) {
    const waits = index === above(s.size, 4) - 1 && index % 2 === 0;
    return waits ? alone(s, 'tip') : { kind: 'derived' };
  }
  if (level % 2 === 1 && ends(4) <= s.size) {
    const quad = Math.floor(index / 4);
    const key = hexKey(s.kinds.quad.key, [level, 1], [quad, 8]);
    return { kind: 'quad', record: `quad(${level},${quad})`, key };
  }
  if (level === 5) return alone(s, 'tip');
  if (level >= 7 && ends(2) > s.size) return alone(s, 'cap');
  return { kind: 'derived' };
}

const isStored = p => ['shard', 'quad', 'tip', 'cap'].includes(p.kind);

// ---- contents ----

// shardBytes returns the length of a shard's record, or null.
function shardBytes(s, index) {
  const run = s.shardRuns.find(([first, last]) => index >= first && index <= last);
  return run ? run[2] : null;
}

function leafHash(s, position) {
  if (mode === 'replay') return s.leaves[position];
  for (const [first, leaves] of s.windows) {
    if (position >= first && position < first + leaves.length) return leaves[position - first];
  }
  return null;
}

function nodeHash(s, level, index) {
  if (level === s.depth) return s.root;
  return level === 0 ? leafHash(s, index) : s.hashes[`${level}:${index}`] || null;
}
