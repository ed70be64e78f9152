// What a run has measured: a line per scenario in figures.jsonl. Run by itself, it prints them as the tables of docs/reliability.md.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const FILE = 'figures.jsonl'

export function figure(scenario, row) {
  writeFileSync(FILE, `${JSON.stringify({ scenario, ...row })}\n`, { flag: 'a' })
}

function table(rows, columns) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const text = (value) => (typeof value === 'number' ? value.toLocaleString('en') : (value ?? ''))
  const names = Object.keys(columns)
  return [
    line(['scenario', ...names]),
    line(['---', ...names.map(() => '--:')]),
    ...rows.map((row) => line([row.scenario, ...names.map((name) => text(columns[name](row)))])),
  ].join('\n')
}

if (process.argv[1] === import.meta.filename && existsSync(FILE)) {
  const rows = readFileSync(FILE, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const of = (name) => (row) => row[name]
  console.log(
    table(
      rows.filter((row) => row.rounds).sort((a, b) => a.scenario.localeCompare(b.scenario)),
      {
        times: of('rounds'),
        messages: of('messages'),
        told: of('told'),
        recovered: of('recovered'),
        'dupl.': (row) => row.duplicates.length,
        silent: (row) => row.silent.length,
        'console errors': of('problems'),
        'lines of Chromium’s own': of('refusals'),
      },
    ),
  )
  const paces = rows.filter((row) => row.frames)
  const columns = paces.flatMap((row) => Object.keys(row)).filter((name) => name !== 'scenario')
  console.log(`\n${table(paces, Object.fromEntries(columns.map((name) => [name, of(name)])))}`)
}
