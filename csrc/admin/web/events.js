// The newest publications of all rooms, and the bans.

const KEPT = 1000 // publications in the page
const SHOWN = 200 // of them, at a time

const tail = { last: 0, entries: [], skipped: 0, paused: null, open: new Set() }

function makeEvents() {
  $('events-filter').addEventListener('input', () => showTail())
  $('events-clear').addEventListener('click', () => {
    tail.entries = []
    tail.skipped = 0
    if (tail.paused) tail.paused = []
    showTail()
  })
  $('events-pause').addEventListener('click', () => {
    tail.paused = tail.paused ? null : tail.entries.slice()
    showTail()
  })
}

function addEvents(answer) {
  if (answer.last < tail.last) tail.entries = [] // of another process
  tail.last = answer.last
  tail.skipped += answer.skipped
  for (const entry of answer.rows) {
    entry.haystack = `${entry.room}\n${entry.type}\n${entry.text ?? ''}`.toLowerCase()
    tail.entries.unshift(entry)
  }
  tail.entries.length = Math.min(tail.entries.length, KEPT)
  showTail()
}

function showTail() {
  const wanted = $('events-filter').value.trim().toLowerCase()
  const source = tail.paused ?? tail.entries
  const found = source.filter((entry) => entry.haystack.includes(wanted))
  const newer = tail.paused ? tail.entries.filter((entry) => entry.n > (tail.paused[0]?.n ?? 0)).length : 0
  $('events-pause').setAttribute('aria-pressed', String(tail.paused !== null))
  setText($('events-pause'), tail.paused ? `Resume (${count(newer)} newer)` : 'Pause')
  const skipped = tail.skipped ? `; ${count(tail.skipped)} came faster than they can be shown` : ''
  setText($('events-note'), `${count(Math.min(found.length, SHOWN))} of ${count(source.length)}${skipped}`)
  const known = new Map([...$('tail').children].map((node) => [node.dataset.n, node]))
  const nodes = found.slice(0, SHOWN).map((entry) => known.get(String(entry.n)) ?? makeEvent(entry))
  arrange(
    $('tail'),
    nodes.length
      ? nodes
      : [
          known.get('none') ??
            el('li', { class: 'empty', 'data-n': 'none' }, 'Nothing was published yet since this view was opened.'),
        ],
  )
}

function makeEvent(entry) {
  const body =
    entry.text ?? (entry.binary ? 'binary' : entry.recipients ? 'too large to be shown' : 'for nobody: not built')
  const open = el(
    'button',
    { type: 'button', class: 'payload', 'aria-expanded': 'false', title: 'Show all of it' },
    body,
  )
  open.addEventListener('click', () => {
    const opened = open.getAttribute('aria-expanded') !== 'true'
    open.setAttribute('aria-expanded', String(opened))
    open.textContent = opened ? pretty(entry) : body
  })
  return el(
    'li',
    { 'data-n': String(entry.n) },
    el('time', {}, clock(entry.at, true)),
    el(
      'button',
      {
        type: 'button',
        class: 'chip',
        title: 'Only this room',
        onclick: () => {
          $('events-filter').value = entry.room
          showTail()
        },
      },
      entry.room,
    ),
    el('b', {}, entry.type || '–'),
    el('span', { class: 'n' }, entry.offset ? `#${entry.offset}` : ''),
    el('span', { class: 'n', title: 'recipients' }, `→ ${count(entry.recipients)}`),
    el('span', { class: 'n' }, bytes(entry.bytes)),
    open,
  )
}

function pretty(entry) {
  try {
    return JSON.stringify(JSON.parse(entry.text), null, 2)
  } catch {
    return entry.text === null ? 'no text' : entry.text + (entry.text.length < entry.bytes ? ' … (cut)' : '')
  }
}

// ---- bans ----------------------------------------------------------------------------------------------------------

/** [label, hidden in narrow windows] */
const BAN_COLUMNS = [
  ['Address', false],
  ['For another', false],
  ['Until', true],
  ['Reason', true],
  ['By', true],
  ['Times', true],
  ['Action', false],
]

function makeBans() {
  $('ban-form').addEventListener('submit', (event) => {
    event.preventDefault()
    ban($('ban-ip').value.trim(), Number($('ban-seconds').value))
  })
  const table = el(
    'table',
    { class: 'list', id: 'ban-list' },
    el(
      'thead',
      {},
      el('tr', {}, ...BAN_COLUMNS.map(([label, wide]) => el('th', { scope: 'col', class: wide ? 'wide' : '' }, label))),
    ),
    el('tbody'),
  )
  $('bans').append(
    el('div', { class: 'card scroll', tabindex: '0', role: 'region', 'aria-label': 'banned addresses' }, table),
  )
}

function showBans(bans) {
  const body = $('ban-list').tBodies[0]
  const known = new Map([...body.rows].map((row) => [row.dataset.ip, row]))
  const nodes = bans.map((one) => {
    const row =
      known.get(one.ip) ??
      el('tr', { 'data-ip': one.ip }, ...BAN_COLUMNS.map(([, wide]) => el('td', { class: wide ? 'wide' : '' })))
    const texts = [
      one.ip,
      duration(one.seconds),
      new Date(one.until).toLocaleString(),
      one.reason,
      one.automatic ? 'automatic' : 'by hand',
      count(one.count),
    ]
    texts.forEach((value, i) => setText(row.cells[i], value))
    row.title = `${one.reason}, until ${texts[2]}`
    cellButton(row.cells[6], 'Lift', () => unban(one.ip), { 'aria-label': `Lift the ban of ${one.ip}` })
    return row
  })
  arrange(
    body,
    nodes.length
      ? nodes
      : [known.get('none') ?? el('tr', { 'data-ip': 'none' }, el('td', { colspan: '7' }, 'Nobody is banned.'))],
  )
}
