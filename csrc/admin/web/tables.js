// Long lists: searched, sorted and cut into pages by the core; 50 rows come with each poll.

const PAGE = 50

/** A column: { name, label, numeric, wide (hidden in narrow windows), sort: false, fill(cell, row) }. */
class Table {
  constructor(id, { label, placeholder, columns, key, sort, details, filters = () => [] }) {
    Object.assign(this, { id, columns, key, sort, details, filters })
    this.offset = 0
    this.rows = new Map() // key -> { node, details, row }
    this.open = null
    this.search = el('input', { type: 'search', placeholder, autocomplete: 'off', 'aria-label': `Search ${label}` })
    this.search.addEventListener('input', () => this.ask({ offset: 0 }))
    this.chips = el('span', { class: 'chips' })
    this.note = el('p', { class: 'note', role: 'status' })
    this.back = el(
      'button',
      { type: 'button', onclick: () => this.ask({ offset: Math.max(0, this.offset - PAGE) }) },
      'Back',
    )
    this.on = el('button', { type: 'button', onclick: () => this.ask({ offset: this.offset + PAGE }) }, 'Next')
    this.heads = columns.map((column) => this.head(column))
    this.body = el('tbody')
    this.table = el('table', { class: 'list' }, el('thead', {}, el('tr', {}, ...this.heads)), this.body)
    $(id).append(
      el(
        'div',
        { class: 'bar' },
        this.search,
        this.chips,
        this.note,
        el('span', { class: 'pager' }, this.back, this.on),
      ),
      el('div', { class: 'card scroll', tabindex: '0', role: 'region', 'aria-label': `List of ${label}` }, this.table),
    )
    this.showSort()
  }

  head(column) {
    const props = { scope: 'col', class: classes(column) }
    if (column.sort === false) return el('th', props, column.label)
    return el(
      'th',
      { ...props, 'data-sort': column.name },
      el('button', { type: 'button', onclick: () => this.sortBy(column) }, column.label),
    )
  }

  /** Numbers begin with the largest, texts with A; a second click turns it round. */
  sortBy(column) {
    const first = (column.numeric && column.name !== 'age' ? '-' : '') + column.name
    const other = first.startsWith('-') ? column.name : '-' + column.name
    this.ask({ offset: 0, sort: this.sort === first ? other : first })
  }

  showSort() {
    for (const head of this.heads) {
      const name = head.dataset.sort
      if (!name) continue
      if (this.sort === name) head.setAttribute('aria-sort', 'ascending')
      else if (this.sort === '-' + name) head.setAttribute('aria-sort', 'descending')
      else head.removeAttribute('aria-sort')
    }
  }

  ask(change) {
    Object.assign(this, change)
    this.showSort()
    poll()
  }

  get query() {
    return { search: this.search.value.trim(), sort: this.sort, offset: this.offset, limit: PAGE, ...this.extra }
  }

  show(answer) {
    if (answer.offset >= answer.matched && answer.offset) return this.ask({ offset: 0 })
    const last = Math.min(answer.offset + answer.rows.length, answer.matched)
    const looked =
      answer.looked < answer.total
        ? `; only ${count(answer.looked)} of ${count(answer.total)} were looked at in time`
        : ''
    setText(
      this.note,
      answer.matched
        ? `${count(answer.offset + 1)}–${count(last)} of ${count(answer.matched)}${looked}`
        : 'none' + looked,
    )
    this.back.disabled = !answer.offset
    this.on.disabled = last >= answer.matched
    arrange(this.chips, this.filters())
    const known = this.rows
    this.rows = new Map()
    for (const row of answer.rows) {
      const key = row[this.key]
      const entry = known.get(key) ?? { node: this.make(key) }
      entry.row = row
      this.columns.forEach((column, i) => column.fill(entry.node.cells[i], row, this))
      this.rows.set(key, entry)
    }
    this.place(known)
  }

  /** While somebody points at the list, or has the focus in it, rows that are there stay where they are. */
  place(known) {
    let keys = [...this.rows.keys()]
    if (this.body.matches(':hover') || this.body.contains(document.activeElement)) {
      const stay = [...known.keys()].filter((key) => this.rows.has(key))
      keys = [...stay, ...keys.filter((key) => !known.has(key))]
      this.rows = new Map(keys.map((key) => [key, this.rows.get(key)]))
    }
    const nodes = []
    for (const [key, entry] of this.rows) {
      const open = key === this.open
      entry.node.classList.toggle('open', open)
      entry.node.querySelector('.opener')?.setAttribute('aria-expanded', String(open))
      nodes.push(entry.node)
      if (open) nodes.push(this.detailRow(entry))
    }
    arrange(this.body, nodes)
  }

  make(key) {
    const cells = this.columns.map((column) => el('td', { class: classes(column) }))
    return el('tr', { 'data-key': key }, ...cells)
  }

  toggle(key) {
    this.open = this.open === key ? null : key
    this.place(this.rows)
  }

  detailRow(entry) {
    if (!entry.details) {
      entry.cell = el('td', { colspan: String(this.columns.length) })
      entry.details = el('tr', { class: 'details' }, entry.cell)
    }
    this.details(entry.cell, entry.row)
    return entry.details
  }
}

const classes = (column) => [column.numeric ? 'n' : '', column.wide ? 'wide' : ''].join(' ').trim()
const text = (name) => (cell, row) => {
  setText(cell, row[name])
  if (row[name].length > 12) cell.title = row[name]
}
const number =
  (name, format = count) =>
  (cell, row) =>
    setText(cell, format(row[name]))

/** A button in a cell, made once: it has the focus while its text changes. */
function cellButton(cell, label, click, props = {}) {
  const button = cell.firstElementChild ?? cell.appendChild(el('button', { type: 'button', class: 'link', ...props }))
  button.onclick = click
  setText(button, label)
  return button
}

// ---- actions -------------------------------------------------------------------------------------------------------

async function act(action, body, done) {
  try {
    const answer = await call(action, body)
    toast(done(answer))
  } catch (error) {
    toast(error.message, true)
  }
  poll()
}

const connections = (n) => `${count(n)} connection${n === 1 ? '' : 's'} closed`

async function disconnectClient(row) {
  const who = row.user ? `${row.id} of user ${row.user}` : row.id
  const text = `${who}, from ${row.ip}. It is closed with 4409 and may come back at once; a ban or a revoked token keeps it out.`
  if (await confirmed('Disconnect this client?', text, 'Disconnect'))
    act('disconnect', { client_id: row.id }, (answer) => connections(answer.closed))
}

async function disconnectUser(user) {
  const text = `All connections of ${user} are closed with 4409. They may come back at once; revoke the user's tokens to keep them out.`
  if (await confirmed('Disconnect this user?', text, 'Disconnect all'))
    act('disconnect', { user_id: user }, (answer) => connections(answer.closed))
}

async function ban(ip, seconds) {
  const own = ip === state?.you ? ' This is the address that you come from yourself!' : ''
  const group = ip.includes(':') ? ' With it goes its /64 network.' : ''
  const text = `All connections from ${ip} are closed, and new ones refused for ${duration(seconds)}.${group}${own} Others may be behind the same address.`
  if (await confirmed(`Ban ${ip}?`, text, 'Ban'))
    act('ban', { ip, seconds }, (answer) => `${ip} is banned; ${connections(answer.closed)}`)
}

async function unban(ip) {
  if (
    await confirmed(
      `Lift the ban of ${ip}?`,
      'It may connect again at once, and what was held against it is forgotten.',
      'Lift the ban',
    )
  )
    act('unban', { ip }, (answer) => (answer.lifted ? `the ban of ${ip} is lifted` : `${ip} was not banned any more`))
}

// ---- connections ---------------------------------------------------------------------------------------------------

function agentName(agent) {
  const found = /(Edg|OPR|Firefox|Chrome|Version)\/(\d+)/.exec(agent)
  const names = { Edg: 'Edge', OPR: 'Opera', Version: 'Safari' }
  return found && agent.startsWith('Mozilla/') ? `${names[found[1]] ?? found[1]} ${found[2]}` : agent
}

function fillQueue(cell, row) {
  setText(cell, row.queued_bytes ? `${count(row.queued)} · ${bytes(row.queued_bytes)}` : '0')
  cell.dataset.level = row.queued_bytes > 0.5 * state.bounds.queue ? 'bad' : row.queued_bytes ? 'warn' : ''
}

function connectionDetails(cell, row) {
  if (!cell.firstChild) {
    cell.append(
      el('dl', { class: 'facts' }),
      el('div', { class: 'chips' }),
      el(
        'div',
        { class: 'buttons' },
        el('button', { type: 'button', class: 'danger', 'data-do': 'client' }, 'Disconnect client …'),
        el('button', { type: 'button', class: 'danger', 'data-do': 'user' }, 'Disconnect user …'),
        el('button', { type: 'button', class: 'danger', 'data-do': 'ban' }, 'Ban address for an hour …'),
      ),
    )
  }
  const [facts, rooms, buttons] = cell.children
  const rows = [
    ['client', row.id],
    ['user', row.user || '–'],
    ['session', row.session || '–'],
    ['address', row.ip],
    ['user agent', row.agent || '–'],
    ['path', row.path],
    ['since', new Date(row.since).toLocaleString()],
    ['heard of', `${age(row.heard / 1000)} ago`],
    ['sent', `${count(row.sent)} messages, ${bytes(row.bytes_sent)}`],
    ['received', `${count(row.received)} messages, ${bytes(row.bytes_received)}`],
    ['carried by', row.bridge ? "the host's server (bridge)" : 'the runtime'],
    ['sees', row.firehose ? 'all rooms (firehose)' : 'its rooms'],
  ]
  if (!facts.firstChild) facts.append(...rows.map(([name]) => el('div', {}, el('dt', {}, name), el('dd'))))
  rows.forEach(([, value], i) => setText(facts.children[i].lastChild, value))
  const chips = row.room_names.map(
    (name) =>
      [...rooms.children].find((chip) => chip.textContent === name) ??
      el('button', { type: 'button', class: 'chip', title: 'Its members', onclick: () => showMembers(name) }, name),
  )
  if (row.rooms > row.room_names.length)
    chips.push(el('span', {}, `and ${count(row.rooms - row.room_names.length)} more`))
  arrange(rooms, chips)
  const [one, user, address] = buttons.children
  one.onclick = () => disconnectClient(row)
  user.onclick = () => disconnectUser(row.user)
  user.hidden = !row.user
  address.onclick = () => ban(row.ip, 3600)
}

function makeConnections() {
  const table = new Table('connections', {
    label: 'connections',
    placeholder: 'client, user, session, address, agent, path',
    key: 'id',
    sort: 'age',
    details: connectionDetails,
    filters: () =>
      table.extra?.room
        ? [
            el(
              'button',
              {
                type: 'button',
                class: 'chip',
                title: 'Show all rooms',
                onclick: () => {
                  table.extra = {}
                  table.ask({ offset: 0 })
                },
              },
              `in ${table.extra.room} ✕`,
            ),
          ]
        : [],
    columns: [
      {
        name: 'id',
        label: 'Client',
        fill: (cell, row, own) =>
          cellButton(cell, row.id, () => own.toggle(row.id), {
            class: 'link opener id',
            title: row.id,
            'aria-expanded': 'false',
          }),
      },
      { name: 'user', label: 'User', fill: text('user') },
      { name: 'session', label: 'Session', wide: true, fill: text('session') },
      { name: 'ip', label: 'Address', fill: text('ip') },
      {
        name: 'agent',
        label: 'Agent',
        wide: true,
        fill: (cell, row) => {
          setText(cell, agentName(row.agent))
          cell.title = row.agent
        },
      },
      { name: 'path', label: 'Path', wide: true, fill: text('path') },
      {
        name: 'age',
        label: 'Age',
        numeric: true,
        fill: (cell, row) => setText(cell, age((state.now - row.since) / 1000)),
      },
      { name: 'rooms', label: 'Rooms', numeric: true, fill: number('rooms') },
      { name: 'queued_bytes', label: 'Queue', numeric: true, fill: fillQueue },
      {
        name: 'lagging',
        label: 'Lags',
        numeric: true,
        fill: (cell, row) => {
          setText(cell, row.lagging ? 'yes' : '')
          cell.dataset.level = row.lagging ? 'warn' : ''
        },
      },
      { name: 'sent_rate', label: 'Out/s', numeric: true, fill: number('sent_rate', short) },
      { name: 'received_rate', label: 'In/s', numeric: true, fill: number('received_rate', short) },
      {
        name: 'act',
        label: 'Action',
        sort: false,
        fill: (cell, row) =>
          cellButton(cell, 'Disconnect', () => disconnectClient(row), { 'aria-label': `Disconnect ${row.id}` }),
      },
    ],
  })
  return table
}

function showMembers(room) {
  lists.connections.extra = { room }
  lists.connections.search.value = ''
  Object.assign(lists.connections, { offset: 0, open: null })
  location.hash = '#connections'
  poll()
}

// ---- rooms ---------------------------------------------------------------------------------------------------------

function makeRooms() {
  return new Table('rooms', {
    label: 'rooms',
    placeholder: 'name of a room',
    key: 'name',
    sort: '-members',
    details: () => {},
    columns: [
      { name: 'name', label: 'Room', fill: text('name') },
      { name: 'kind', label: 'Kind', wide: true, fill: text('kind') },
      { name: 'store', label: 'Kept in', wide: true, fill: text('store') },
      {
        name: 'members',
        label: 'Members',
        numeric: true,
        fill: (cell, row) =>
          cellButton(cell, count(row.members), () => showMembers(row.name)).setAttribute(
            'aria-label',
            `${count(row.members)} members of ${row.name}`,
          ),
      },
      { name: 'rate', label: 'Published/s', numeric: true, fill: number('rate', short) },
      { name: 'published', label: 'Published', numeric: true, fill: number('published') },
      {
        name: 'kept',
        label: 'History',
        numeric: true,
        fill: (cell, row) => setText(cell, `${count(row.kept)} of ${count(row.history_size)}`),
      },
      { name: 'bytes', label: 'Bytes', numeric: true, fill: number('bytes', bytes) },
      {
        name: 'offset',
        label: 'Offsets',
        numeric: true,
        wide: true,
        fill: (cell, row) =>
          setText(cell, row.kept ? `${count(row.first)} – ${count(row.offset)}` : row.offset ? count(row.offset) : '–'),
      },
      { name: 'idle', label: 'Idle', numeric: true, fill: (cell, row) => setText(cell, age(row.idle / 1000)) },
      {
        name: 'act',
        label: 'Action',
        sort: false,
        fill: (cell, row) =>
          cellButton(cell, 'Watch', () => watchRoom(row.name), { 'aria-label': `Watch events of ${row.name}` }),
      },
    ],
  })
}

function watchRoom(room) {
  $('events-filter').value = room
  location.hash = '#events'
}
