// What a run has measured, for docs/reliability.md: one row per scenario, in figures.json.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const FILE = 'figures.jsonl'

export function figure(scenario, row) {
  writeFileSync(FILE, `${JSON.stringify({ scenario, ...row })}\n`, { flag: 'a' })
}

export const figures = () =>
  existsSync(FILE)
    ? readFileSync(FILE, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : []
