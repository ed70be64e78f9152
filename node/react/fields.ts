// What comes from outside, read as what it ought to be: messages, and what an application hands to a component. What can be read some
// other way is (a number in quotes, a number for a text); what can't is left out, and the console says so once. So nothing further in
// has to look whether it got what the types promise.

/** Characters of a text that are shown; lines of a log stay whole. */
const LONGEST = 2000

const told = new Set<string>()

/** Says something once for as long as the page is there; `kind` is what counts as the same. */
export function warnOnce(kind: string, text: string): void {
  if (told.has(kind)) return
  told.add(kind)
  console.warn(`ws_manager: ${text}`)
}

function nameOf(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'number') return Number.isFinite(value) ? 'a number' : 'no finite number'
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A finite number, also one in quotes; null for anything else. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}

/** A text, also of a number; null for anything else. */
export function textOf(value: unknown, longest = LONGEST): string | null {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value
  if (typeof text !== 'string') return null
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

/** RFC 3339 of a text, a date or Unix milliseconds; '' for what is no time. */
export function timeOf(value: unknown): string {
  if (typeof value === 'string') return Number.isNaN(Date.parse(value)) ? '' : value
  const date = value instanceof Date ? value : typeof value === 'number' ? new Date(value) : null
  return date && !Number.isNaN(date.getTime()) ? date.toISOString() : ''
}

/** A number for people; – where there is none. What is beyond all measure takes no more room than others. */
export function figure(value: unknown, digits = 0): string {
  const number = numberOf(value)
  if (number === null) return '–'
  return Math.abs(number) < 1e12 ? number.toFixed(digits) : number.toExponential(1)
}

/** What a class name may have of a word that came from outside. */
export const classOf = (word: string): string => (/^[\w-]{1,64}$/.test(word) ? word : 'other')

/** Members of an object. `needed`: that it is not there is said, too. */
export class Fields {
  private constructor(
    readonly raw: Readonly<Record<string, unknown>>,
    private readonly where: string,
  ) {}

  /** `where`: what it is called in the console, an event's name mostly. */
  static of(value: unknown, where: string): Fields {
    if (!isObject(value)) complain(where, 'an object', value)
    return new Fields(isObject(value) ? value : {}, where)
  }

  num(name: string, needed?: 'needed'): number | null {
    return this.read(name, numberOf, 'a number', needed)
  }

  text(name: string, needed?: 'needed', longest = LONGEST): string | null {
    return this.read(name, (value) => textOf(value, longest), 'a text', needed)
  }

  time(name: string): string | null {
    return this.read(name, (value) => timeOf(value) || null, 'a time')
  }

  /** An object in it; one without members where there is none. */
  inner(name: string, needed?: 'needed'): Fields {
    const value = this.read(name, (value) => (isObject(value) ? value : null), 'an object', needed)
    return new Fields(value ?? {}, `${this.where}: ${name}`)
  }

  /** Only where it is one. */
  optional(name: string): Fields | null {
    const inner = this.inner(name)
    return isObject(this.raw[name]) ? inner : null
  }

  private read<T>(name: string, as: (value: unknown) => T | null, expected: string, needed?: 'needed'): T | null {
    const value = Object.hasOwn(this.raw, name) ? this.raw[name] : undefined
    const result = as(value)
    if (result === null && (needed || (value !== undefined && value !== null)))
      complain(`${this.where}: ${name}`, expected, value)
    return result
  }
}

function complain(where: string, expected: string, value: unknown): void {
  const name = nameOf(value)
  warnOnce(`${where} ${name}`, `${where} is ${name}, not ${expected}: it is left out (this is said once)`)
}
