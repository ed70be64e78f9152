// The catalogue as the tests need it: a good message of each event, and what can be wrong with one.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Field {
  name: string
  type: string
  required?: boolean
  nullable?: boolean
  values?: string[]
}
export interface CatalogueEvent {
  type: string
  flat?: boolean
  same_as?: string
  /** Said by the server alone: it stands in no room. */
  core?: boolean
  fields: Field[]
}

const file = JSON.parse(readFileSync(join(import.meta.dirname, 'events.json'), 'utf8')) as {
  structures: { name: string; fields: Field[] }[]
  families: { origin?: string; events: CatalogueEvent[] }[]
}
const listed = file.families.flatMap(({ origin, events }) =>
  events.map((event) => ({ ...event, core: origin === 'core' })),
)
const structures = new Map(file.structures.map(({ name, fields }) => [name, fields]))

/** All, those of the core too. */
export const EVENTS: CatalogueEvent[] = listed.map((event) => ({
  ...event,
  fields: event.fields ?? listed.find(({ type }) => type === event.same_as)?.fields ?? [],
}))

/** Values that tie events to what a page shows. */
export const ID = 'x1'

function goodValue({ name, type, values }: Field): unknown {
  if (values?.length) return values[0]
  if (name.endsWith('_id')) return ID
  const inner = structures.get(type)
  if (inner) return goodData(inner)
  const byType: Record<string, unknown> = {
    string: name,
    number: 12.5,
    integer: 3,
    boolean: true,
    datetime: '2026-01-15T10:30:00.000Z',
    level: 'error',
    object: { a: 1 },
    any: { a: 1 },
    'string[]': ['a'],
    'any[]': [],
  }
  return byType[type]
}

function goodData(fields: Field[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field.name, goodValue(field)]))
}

/** As the server sends it. */
export function goodMessage(event: CatalogueEvent, n: number): Record<string, unknown> {
  const data = goodData(event.fields)
  const envelope = {
    timestamp: '2026-01-15T10:30:00.123Z',
    message_id: `m${n}`,
    ...(event.core ? {} : { room: '@client:c1' }),
  }
  return event.flat ? { event_type: event.type, ...data, ...envelope } : { type: event.type, data, ...envelope }
}

export const MISSING = Symbol('missing')
/** In JSON: a number that is none as soon as it is read (1e999 is Infinity). */
export const ENDLESS = Symbol('endless')
const HUGE = 'long '.repeat(20_000)

export const BAD_VALUES: Record<string, unknown> = {
  missing: MISSING,
  null: null,
  'a number': 7,
  'a negative number': -1e300,
  'no end': ENDLESS,
  'a text': 'text',
  'an empty text': '',
  'a number in quotes': '12',
  'a huge text': HUGE,
  'an object': { a: 1 },
  'an object like a React element': { $$typeof: 'x', type: 'b', props: {}, toString: null, length: 3, then: 1 },
  'an array': [{ a: 1 }, null],
  true: true,
}

const ENVELOPE = ['timestamp', 'message_id', 'offset', 'epoch', 'id', 'project_id', 'pipeline_id', 'level', 'label']

/** Everything that may be wrong with an event: each field of the data, those of objects in it, and what stands beside it. */
export function* faults(event: CatalogueEvent): Generator<{ place: string[]; name: string; value: unknown }> {
  const into = (fields: Field[], at: string[]): string[][] =>
    fields.flatMap((field) => [
      [...at, field.name],
      ...into(structures.get(field.type) ?? [], [...at, field.name]),
      ...(['object', 'any'].includes(field.type) ? [[...at, field.name, 'a']] : []),
    ])
  const data = [...into(event.fields, event.flat ? [] : ['data']), ...(event.flat ? [] : [['data']])]
  for (const place of data) for (const [name, value] of Object.entries(BAD_VALUES)) yield { place, name, value }
  for (const place of ENVELOPE)
    for (const name of ['missing', 'null', 'a number', 'an object', 'an array'])
      yield { place: [place], name, value: BAD_VALUES[name] }
}

/** The message as text, with another value at that place. */
export function mutated(event: CatalogueEvent, n: number, place: string[], value: unknown): string {
  const message = goodMessage(event, n)
  let holder: any = message
  for (const name of place.slice(0, -1)) holder = holder[name] ??= {}
  const name = place[place.length - 1]
  if (value === MISSING) delete holder[name]
  else holder[name] = value === ENDLESS ? '<endless>' : value
  return JSON.stringify(message).replaceAll('"<endless>"', '1e999')
}
