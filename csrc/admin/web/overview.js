// The first view: tiles, charts, what became of deliveries, limits hit.

/** Samples with rates: counters of the core's samples become so much per second. Kept for a little over five minutes. */
class History {
  constructor() {
    this.next = 0
    this.started = 0
    this.last = null
    this.samples = []
  }

  /** Takes over what the core has noted since; of another process: begins anew. */
  add(answer, started) {
    if (started !== this.started) {
      this.started = started
      this.samples = []
      this.last = null
    }
    this.next = answer.next
    for (const row of answer.rows) {
      const noted = Object.fromEntries(answer.fields.map((name, i) => [name, row[i]]))
      this.samples.push(this.derive(noted))
      this.last = noted
    }
    const oldest = (this.last?.at ?? 0) - WINDOW_MS - 2000
    while (this.samples.length && this.samples[0].at < oldest) this.samples.shift()
  }

  derive(noted) {
    const seconds = this.last ? (noted.at - this.last.at) / 1000 : 0
    const rates = {}
    for (const name of Object.keys(noted))
      rates[name] = seconds > 0 ? Math.max(0, noted[name] - this.last[name]) / seconds : null
    return { at: noted.at, noted, rates }
  }

  /** The newest rate, over a few seconds. */
  rate(name) {
    const newest = this.samples.at(-1)
    const before = this.samples.at(-4) ?? this.samples[0]
    if (!newest || newest === before) return 0
    return (newest.noted[name] - before.noted[name]) / ((newest.at - before.at) / 1000)
  }

  /** How much came in the last minute. */
  minute(name) {
    const newest = this.samples.at(-1)
    if (!newest) return 0
    const before = nearest(this.samples, newest.at - 60_000)
    return Math.max(0, newest.noted[name] - before.noted[name])
  }
}

const past = new History()
const perSecond = (name) => (sample) => sample.rates[name]
const moment = (name) => (sample) => sample.noted[name]

function makeCharts() {
  const parts = [
    new Chart('Written per second', short, [{ label: 'to clients', color: 1, value: perSecond('written') }]),
    new Chart('Coming in per second', short, [
      { label: 'published', color: 2, value: perSecond('published') },
      { label: 'received', color: 3, value: perSecond('received') },
    ]),
    new Chart('Bytes per second', bytes, [
      { label: 'sent', color: 1, value: perSecond('bytes_sent') },
      { label: 'received', color: 3, value: perSecond('bytes_received') },
    ]),
    new Chart('Connections', short, [{ label: 'open', color: 1, value: moment('connections') }]),
    new Chart('Arrivals per second', short, [
      { label: 'connected', color: 1, value: perSecond('connects') },
      { label: 'refused', color: 4, value: perSecond('refused') },
      { label: 'limits hit', color: 2, value: perSecond('limited') },
    ]),
    new Chart('Messages that wait', short, [
      { label: 'in queues', color: 1, value: moment('waiting') },
      { label: 'lagging', color: 2, value: moment('lagging') },
    ]),
    new Chart('Not delivered, per second', short, [
      { label: 'conflated', color: 3, value: perSecond('conflated') },
      { label: 'queue full', color: 2, value: perSecond('dropped_overflow') },
      { label: 'gap', color: 4, value: perSecond('dropped_gap') },
      {
        label: 'left',
        color: 5,
        value: (s) => (s.rates.dropped_closed === null ? null : s.rates.dropped_closed + s.rates.dropped_left),
      },
    ]),
    new Chart('Command queue', bytes, [{ label: 'of the application', color: 2, value: moment('pending_bytes') }]),
  ]
  $('charts').append(...parts.map((chart) => chart.node))
}

const STORE_LEVELS = { up: '', waiting: 'warn', down: 'bad' }

// ---- tiles ---------------------------------------------------------------------------------------------------------

const TILES = [
  [
    'connections',
    'Connections',
    (s) => [
      count(s.stats.active_connections),
      `of at most ${count(s.bounds.connections)}`,
      s.stats.active_connections > 0.9 * s.bounds.connections ? 'bad' : '',
    ],
  ],
  ['out', 'Written', (s) => [short(past.rate('written')) + '/s', bytes(past.rate('bytes_sent')) + '/s']],
  [
    'published',
    'Published',
    (s) => [short(past.rate('published')) + '/s', `${short(s.stats.total_broadcasts)} in all`],
  ],
  ['in', 'Received', (s) => [short(past.rate('received')) + '/s', bytes(past.rate('bytes_received')) + '/s']],
  ['queues', 'In queues', (s) => [bytes(s.stats.queued_bytes), `${short(s.stats.deliveries_waiting)} messages`]],
  [
    'lag',
    'Lagging',
    (s) => [
      count(s.stats.lagging_connections),
      `${short(s.stats.deliveries_lagging)} to catch up`,
      s.stats.lagging_connections ? 'warn' : '',
    ],
  ],
  [
    'lost',
    'Lost, last minute',
    (s) => [
      short(past.minute('dropped_gap') + past.minute('dropped_overflow')),
      `${count(s.stats.gaps)} gaps told in all`,
      past.minute('dropped_gap') + past.minute('dropped_overflow') ? 'bad' : '',
    ],
  ],
  [
    'commands',
    'Command queue',
    (s) => [
      bytes(s.stats.pending_bytes),
      s.stats.overload_open ? 'full: publications are dropped' : `of ${bytes(s.bounds.pending)}`,
      s.stats.overload_open ? 'bad' : '',
    ],
  ],
  ['histories', 'Histories', (s) => [bytes(s.stats.history_bytes), `in ${count(s.stats.rooms)} rooms`]],
  [
    'store',
    'Store',
    ({ stats: { store } }) =>
      store && [
        store.state === 'up' ? bytes(store.file_bytes + store.wal_bytes) : store.state,
        store.state === 'up' ? `${short(store.appended_per_s)}/s written` : 'rooms on disk unavailable',
        STORE_LEVELS[store.state],
      ],
  ],
  [
    'banned',
    'Banned',
    (s) => [count(s.stats.banned), `${short(s.stats.banned_refused)} turned away`, s.stats.banned ? 'warn' : ''],
  ],
]
const tiles = new Map()

/** Where a tile leads: to the list that tells whose figure it is, the largest first. */
const BEHIND = {
  connections: ['connections', 'age'],
  out: ['connections', '-sent_rate'],
  published: ['rooms', '-rate'],
  in: ['connections', '-received_rate'],
  queues: ['connections', '-queued_bytes'],
  lag: ['connections', '-lagging'],
  histories: ['rooms', '-bytes'],
  banned: ['bans'],
}

function makeTile(name, ...children) {
  if (!BEHIND[name]) return el('div', { class: 'tile', 'data-tile': name }, ...children)
  const [target, sort] = BEHIND[name]
  const follow = () => lists[target] && Object.assign(lists[target], { sort, offset: 0 }).showSort()
  return el('a', { class: 'tile', 'data-tile': name, href: `#${target}`, onclick: follow }, ...children)
}

function makeTiles() {
  for (const [name, label] of TILES) {
    const value = el('b')
    const note = el('small')
    const node = makeTile(name, el('span', {}, label), value, note)
    tiles.set(name, { node, value, note })
    $('tiles').append(node)
  }
}

function showTiles(state) {
  for (const [name, , read] of TILES) {
    const tile = tiles.get(name)
    const shown = read(state)
    tile.node.hidden = !shown
    if (!shown) continue
    const [value, note, level = ''] = shown
    setText(tile.value, value)
    setText(tile.note, note)
    tile.node.dataset.level = level
  }
}

// ---- sums ----------------------------------------------------------------------------------------------------------

/** A table's rows by name: [name, label, text of the first column, of the second]. */
function showRows(table, rows) {
  const body = table.tBodies[0]
  const known = new Map([...body.rows].map((row) => [row.dataset.name, row]))
  const nodes = rows.map(([name, label, first, second, mark]) => {
    const row =
      known.get(name) ??
      el(
        'tr',
        { 'data-name': name },
        el('th', { scope: 'row' }, ...(mark ? [el('i', { class: mark, 'aria-hidden': 'true' })] : []), label),
        el('td', { class: 'n' }),
        el('td', { class: 'n' }),
      )
    setText(row.cells[1], first)
    setText(row.cells[2], second)
    return row
  })
  arrange(body, nodes)
}

const FATES = [
  ['written', 'written to the socket', 'deliveries_written', 'written', 1],
  ['conflated', 'conflated: a newer one of its key took its place', 'deliveries_conflated', 'conflated', 3],
  ['overflow', 'dropped: the queue was full', 'deliveries_dropped_overflow', 'dropped_overflow', 2],
  ['gap', 'dropped: lagged, and history moved on', 'deliveries_dropped_gap', 'dropped_gap', 4],
  ['left', 'dropped: the client left the room', 'deliveries_dropped_left', 'dropped_left', 5],
  ['closed', 'dropped: the connection ended', 'deliveries_dropped_closed', 'dropped_closed', 5],
  ['waiting', 'pending: waits in a queue', 'deliveries_waiting', null, 6],
  ['lagging', 'pending: lags, is in history', 'deliveries_lagging', null, 6],
]

function showDeliveries(stats) {
  const total = stats.deliveries
  const sum = FATES.reduce((all, [, , name]) => all + stats[name], 0)
  const adds = total === sum ? '' : ` (differs by ${count(total - sum)})`
  showRows($('deliveries'), [
    ...FATES.map(([name, label, all, rate, color]) => [
      name,
      label,
      count(stats[all]),
      rate ? count(past.minute(rate)) : '',
      `c${color}`,
    ]),
    ['sum', 'all: published × recipients' + adds, count(total), ''],
  ])
  const bar = $('sum')
  if (!bar.childElementCount) bar.append(...FATES.map(([, , , , color]) => el('span', { class: `c${color}` })))
  FATES.forEach(([, , name], i) =>
    bar.children[i].style.setProperty('flex-grow', String(total ? stats[name] / total : 0)),
  )
  bar.setAttribute('aria-label', FATES.map(([, label, name]) => `${label}: ${count(stats[name])}`).join('; '))
}

const TURNED_AWAY = {
  refused_connections: 'connections refused at the door',
  refused_handshakes: 'upgrades refused: Origin, path, form',
  banned_refused: 'connections of banned addresses',
  tokens_refused: 'tokens not accepted',
  tokens_expired: 'connections closed: token expired',
  revoked: 'closed or refused: revoked',
  forbidden: 'requests forbidden by a room rule',
  slow_consumers: 'closed with 4413: too slow',
  timeouts: 'closed with 4408: silent',
  handshake_timeouts: 'no request in time',
  dropped_handshakes: 'handshakes beyond max_handshakes',
  answer_timeouts: 'answers over HTTP not read in time',
  dropped_http: 'HTTP connections ended for others',
  tls_failures: 'TLS handshakes that failed',
  overloaded_publications: 'commands dropped: queue full',
  dropped_events: 'events that the application did not take',
  refused_draining: 'upgrades refused while draining',
}
const limitHistory = [] // { at, values }: what a minute ago was

function showLimits(state) {
  const values = { ...state.stats.limits_broken }
  for (const name of Object.keys(TURNED_AWAY)) values[name] = state.stats[name]
  for (const [name, value] of Object.entries(state.stats.offences)) values[`offence: ${name}`] = value
  if (limitHistory.length && limitHistory[0].started !== state.started) limitHistory.length = 0
  limitHistory.push({ at: state.now, started: state.started, values })
  while (limitHistory.length > 1 && limitHistory[1].at < state.now - 60_000) limitHistory.shift()
  const before = limitHistory[0].values
  const rows = Object.entries(values)
    .filter(([, value]) => value)
    .map(([name, value]) => [name, TURNED_AWAY[name] ?? name, count(value), count(value - before[name])])
  showRows($('limits'), rows.length ? rows : [['none', 'none so far', '', '']])
}

// ---- the store -----------------------------------------------------------------------------------------------------

const milliseconds = (us) => (us < 10_000 ? `${(us / 1000).toFixed(2)} ms` : `${count(Math.round(us / 1000))} ms`)

function storeState(store, now) {
  const since = `since ${new Date(store.since).toLocaleString()}, ${age((now - Date.parse(store.since)) / 1000)}`
  if (store.state === 'up')
    return `Takes messages ${since}. A commit survives ${store.sync === 'full' ? 'the loss of power' : 'the end of the process'}.`
  if (store.state === 'waiting') return `Waits for the file ${since}: ${store.reason}. Rooms in memory go on.`
  return `Down ${since}: ${store.reason}. What is published to rooms on disk is refused; rooms in memory go on.`
}

function showStore(state) {
  const store = state.stats.store
  const card = $('store')
  card.hidden = !store
  if (!store) return
  card.dataset.level = STORE_LEVELS[store.state]
  setText($('store-state'), storeState(store, state.now))
  const rows = [
    ['written', store.state === 'up' ? `${short(store.appended_per_s)}/s` : '–'],
    ['since the start', `${count(store.appended)} messages`],
    ['file', bytes(store.file_bytes)],
    ['write-ahead log', bytes(store.wal_bytes)],
    ['a commit takes', `${milliseconds(store.average_commit_us)}, last ${milliseconds(store.last_commit_us)}`],
    ['longest commit of late', milliseconds(store.max_commit_us)],
    ['waits to be written', store.waiting ? `${count(store.waiting)}, ${bytes(store.waiting_bytes)}` : '0'],
    ['rooms in use', count(store.open_rooms)],
    ['pruned', `${count(store.pruned)} messages`],
    ['publications refused', count(store.unavailable)],
    ['commits that failed', `${count(store.failed)} of ${count(store.commits + store.failed)}`],
    ['new epochs', count(store.renewed)],
  ]
  const list = $('store-facts')
  if (!list.firstChild) list.append(...rows.map(([name]) => el('div', {}, el('dt', {}, name), el('dd'))))
  rows.forEach(([, value], i) => setText(list.children[i].lastChild, value))
}

function showFigures(stats) {
  const list = $('figures')
  if (!list.parentElement.open) return
  const known = new Map([...list.children].map((node) => [node.dataset.name, node]))
  const flat = Object.entries(stats).flatMap(([name, value]) =>
    typeof value === 'object' && value
      ? Object.entries(value).map(([key, one]) => [`${name}.${key}`, one])
      : [[name, value]],
  )
  arrange(
    list,
    flat.map(([name, value]) => {
      const node = known.get(name) ?? el('div', { 'data-name': name }, el('dt', {}, name), el('dd'))
      setText(node.lastChild, typeof value === 'number' ? count(value) : String(value))
      return node
    }),
  )
}

function showOverview(state) {
  showTiles(state)
  for (const chart of charts) chart.update(past.samples, state.now)
  showDeliveries(state.stats)
  showLimits(state)
  showStore(state)
  showFigures(state.stats)
}
