// A count over the last three minutes: a stepped area, with a tick below for each event (crossing, intrusion).
import { svg } from './dom.js'

const SPAN = 180 // seconds
const WIDTH = 360, HEIGHT = 56, TOP = 6, BOTTOM = 8

export class Chart {
  #points = [] // [second, count, events], oldest first
  #area = svg('path', { class: 'area' })
  #line = svg('path', { class: 'stroke', 'vector-effect': 'non-scaling-stroke' })
  #ticks = svg('path', { class: 'ticks', 'vector-effect': 'non-scaling-stroke' })
  #max
  #what

  /** what: the unit for the description, such as "people". */
  constructor(what) {
    this.#what = what
    const plot = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, this.#area, this.#line, this.#ticks)
    this.element = document.createElement('div')
    this.element.className = 'chart'
    this.element.setAttribute('role', 'img')
    this.#max = document.createElement('span')
    this.#max.className = 'max'
    this.element.append(plot, this.#max)
  }

  reset(points) {
    this.#points = points.map(([second, count, events]) => [second, count, events ?? 0])
    this.draw()
  }

  add(second, count, events) {
    second = Math.floor(second)
    const last = this.#points.at(-1)
    if (last && last[0] >= second) {
      last[1] = count
      last[2] += events
    } else this.#points.push([second, count, events])
    while (this.#points.length && this.#points[0][0] < second - SPAN) this.#points.shift()
  }

  draw(now = Date.now() / 1000) {
    const top = Math.max(4, ...this.#points.map(point => point[1]))
    const x = second => Math.max(0, WIDTH - ((now - second) / SPAN) * WIDTH)
    const y = count => TOP + (1 - count / top) * (HEIGHT - TOP - BOTTOM)
    let path = '', ticks = '', start = null, previous = null
    let area = ''
    const close = at => { if (start !== null) area += `H${at.toFixed(1)}V${HEIGHT - BOTTOM}H${start.toFixed(1)}Z` }
    for (const [second, count, events] of this.#points) {
      const at = x(second)
      if (previous === null || second - previous > 5) { // nothing came for a while: a hole, not a line
        close(previous === null ? 0 : x(previous + 1))
        path += `M${at.toFixed(1)} ${y(count).toFixed(1)}`
        area += `M${at.toFixed(1)} ${HEIGHT - BOTTOM}V${y(count).toFixed(1)}`
        start = at
      } else {
        path += `H${at.toFixed(1)}V${y(count).toFixed(1)}`
        area += `H${at.toFixed(1)}V${y(count).toFixed(1)}`
      }
      if (events) ticks += `M${at.toFixed(1)} ${HEIGHT - 5}v5`
      previous = second
    }
    if (previous !== null) {
      const end = Math.min(WIDTH, now - previous > 5 ? x(previous + 1) : WIDTH)
      path += `H${end.toFixed(1)}`
      close(end)
    }
    this.#line.setAttribute('d', path)
    this.#area.setAttribute('d', area)
    this.#ticks.setAttribute('d', ticks)
    this.#max.textContent = `3 min · max ${this.#points.length ? Math.max(...this.#points.map(point => point[1])) : 0}`
    const last = this.#points.at(-1)
    this.element.setAttribute('aria-label', `${this.#what} over the last three minutes: now ${last ? last[1] : 0}, at most ${this.#max.textContent.slice(12)}`)
  }
}
