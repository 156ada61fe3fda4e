// The start. What stands behind # can be shared: theme, call, from and to.

const showLegend = makeLegend();

function start() {
  const wish = new URLSearchParams(location.hash.slice(1));
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  setTheme(wish.get('theme') || (dark ? 'dark' : 'light'));
  listen();
  listCalls();
  listenReplay();
  $('copyRoot').onclick = copyRoot;
  showStore();
  step = wish.has('call') ? (Number(wish.get('call')) || 1) - 1 : firstCall;
  setMode(wish.has('call') ? 'replay' : 'store');
  if (wish.has('from')) {
    view = [Number(wish.get('from')), Number(wish.get('to'))];
    draw();
  }
  html.setAttribute('data-ready', svg.querySelectorAll('[data-level]').length);
}

start();
