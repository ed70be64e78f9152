// Judges what a client was told: each message of a room once and in order, or a gap that says that some are missing.

/**
 * log: as recorder.js writes it. positions: room → where the room stands at the end; the client must have got there.
 * Returns {messages, told, recovered, duplicates, silent, greetings}; the last lists hold what was wrong, in words.
 */
export function judge(log, positions = {}) {
  const rooms = new Map() // name → { next: offset that must come, or null, told: whether a gap was, … }
  const ids = new Set()
  const result = { messages: 0, told: 0, recovered: 0, greetings: 0, duplicates: [], silent: [] }
  const at = (room) => rooms.get(room) ?? rooms.set(room, { next: null, told: false, epoch: null, n: null }).get(room)

  const stand = (name, { epoch, offset, recovered }) => {
    const known = rooms.get(name)
    const room = at(name)
    if (recovered) {
      result.recovered++
      if (!known || (known.epoch ?? epoch) !== epoch)
        result.silent.push(`${name}: recovered in an epoch that was not known`)
      return
    }
    if (known && !known.told && ((known.epoch ?? epoch) !== epoch || known.next !== offset + 1))
      result.silent.push(`${name}: goes on at ${offset + 1} instead of ${known.next}, and nobody was told`)
    Object.assign(room, { next: offset + 1, told: false, epoch, n: null })
  }

  for (const entry of log) {
    if (entry.is === 'gap') {
      result.told++
      for (const [name, room] of rooms) {
        if (entry.room && entry.room !== name) continue
        room.told = true
        if (entry.reason === 'not_recovered') Object.assign(room, { next: null, epoch: null, n: null }) // from anywhere
      }
      continue
    }
    if (entry.is !== 'message') continue
    const { type, room: name, offset, id, data } = entry
    if (id !== undefined && ids.has(id)) result.duplicates.push(`${type} ${id} came twice`)
    ids.add(id)
    if (type === 'connected' || type === 'connection') {
      result.greetings++
      for (const [room, position] of Object.entries(data.rooms)) stand(room, position)
    } else if (type === 'subscribed' && data.epoch) {
      stand(data.room, data)
    } else if (type === 'gap') {
      Object.assign(at(data.room), { next: data.offset + 1, told: false, epoch: data.epoch, n: null })
    }
    if (name === undefined || offset === undefined) continue
    result.messages++
    const room = at(name)
    if (room.next !== null && offset < room.next) result.duplicates.push(`${name}: ${offset} after ${room.next - 1}`)
    if (room.next !== null && offset > room.next && !room.told)
      result.silent.push(`${name}: ${offset} after ${room.next - 1}, and nobody was told`)
    // The number in the message itself: a position that is right with the wrong message behind it would be wrong, too.
    if (typeof data?.n === 'number') {
      if (room.n && offset === room.next && data.run === room.n.run && data.n !== room.n.n + 1)
        result.silent.push(`${name}: message ${data.n} after ${room.n.n} at offset ${offset}`)
      room.n = data
    }
    Object.assign(room, { next: offset + 1, told: false, epoch: entry.epoch ?? room.epoch })
  }
  for (const [name, { epoch, offset }] of Object.entries(positions)) {
    const room = rooms.get(name)
    if (!room || room.next !== offset + 1 || (room.epoch && room.epoch !== epoch))
      result.silent.push(`${name}: ended at ${room ? room.next - 1 : 'nothing'} of ${offset}`)
  }
  return result
}

/** Whether what is shown followed what happened: each status after another one, and these in this order among them. */
export function inOrder(shown, expected) {
  let i = 0
  for (const text of shown) if (text === expected[i]) i++
  return i === expected.length
}
