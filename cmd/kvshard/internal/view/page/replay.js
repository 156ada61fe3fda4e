// The replay: the calls of a small chain, one after the other.

// firstCall is the first that leaves something to look at.
const firstCall = Math.max(
  0,
  demo.steps.findIndex(call => call.after.size > 0),
);
let timer = null; // while it plays

// go shows the tree after a call.
function go(n) {
  step = Math.min(Math.max(n, 0), demo.steps.length - 1);
  showCall(demo.steps[step]);
  showFacts(showLegend);
  view = [0, Math.max(64, state().size * 1.25)];
  draw();
}

function showCall(call) {
  $('callTitle').textContent = call.call;
  $('callSay').textContent = call.say;
  $('ops').innerHTML = call.ops.length
    ? operationsTable(call.ops)
    : '<p class="say">No operation.</p>';
  $('stepSay').innerHTML =
    `call <b>${step + 1}</b> of ${demo.steps.length}: <b>${call.ops.length}</b> operations, ` +
    `<b>${group(call.gas)}</b> gas, <b>${call.hashes}</b> hashes`;
  $('step').value = step;
  markCall();
}

function operationsTable(ops) {
  const size = n => (n === null ? '' : n < 0 ? 'absent' : group(n));
  const rows = ops.map((op, i) => [
    num(i + 1),
    `<span class="kind ${op.kind}">${op.kind}</span>`,
    [escapeHTML(op.record), 'mono'],
    [escapeHTML(op.key), 'mono'],
    [size(op.bytes), 'num'],
  ]);
  return table([['#', 'num'], 'operation', 'record', 'key', ['bytes', 'num']], rows);
}

// markCall marks the call in the list, and scrolls the list to it.
function markCall() {
  const list = $('calls');
  [...list.children].forEach((li, i) => li.firstChild.setAttribute('aria-current', i === step));
  const { offsetTop } = list.children[step];
  if (list.scrollHeight > list.clientHeight) list.scrollTop = offsetTop - list.offsetTop - 150;
}

function listCalls() {
  demo.steps.forEach((call, i) => {
    const button = document.createElement('button');
    button.innerHTML = `<span>${escapeHTML(call.call)}</span><small>${call.ops.length} ops</small>`;
    button.onclick = () => go(i);
    const li = document.createElement('li');
    li.append(button);
    $('calls').append(li);
  });
}

const atEnd = () => step === demo.steps.length - 1;

function play() {
  if (timer) return pause();
  $('play').textContent = 'Pause';
  if (atEnd()) go(firstCall);
  timer = setInterval(() => (atEnd() ? pause() : go(step + 1)), 1600);
}

function pause() {
  clearInterval(timer);
  timer = null;
  $('play').textContent = 'Play';
}

function setMode(name) {
  mode = name;
  $('modeStore').setAttribute('aria-pressed', name === 'store');
  $('modeReplay').setAttribute('aria-pressed', name === 'replay');
  $('scrub').hidden = name !== 'replay';
  for (const side of ['left', 'right']) {
    $(`${side}Store`).hidden = name !== 'store';
    $(`${side}Replay`).hidden = name !== 'replay';
  }
  if (name === 'replay') return go(step);
  showFacts(showLegend);
  fit();
}

function listenReplay() {
  $('step').max = demo.steps.length - 1;
  $('step').oninput = e => go(Number(e.target.value));
  $('back').onclick = () => go(step - 1);
  $('next').onclick = () => go(step + 1);
  $('play').onclick = play;
  $('modeStore').onclick = () => setMode('store');
  $('modeReplay').onclick = () => setMode('replay');
}
