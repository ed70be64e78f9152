// Positions by themselves: the text that a reconnection sends, and how much of what came is remembered.
import { expect, it } from 'vitest'
import { Positions, decodeResume } from '../../node/client/positions.js'
import type { Message } from '../../node/client/index.js'

it('writes positions in the letters that a URL takes, whatever the rooms are called', () => {
  const written = new Set<string>()
  for (let code = 0x21; code < 0x2000; code++) {
    const room = `a${String.fromCharCode(code)}`.repeat((code % 3) + 1)
    const resume = new Positions({ [room]: { epoch: 'e', offset: code } }).resume()
    expect(resume).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(decodeResume(`ws://server/ws?resume=${resume}`)).toEqual({ [room]: ['e', code] })
    for (const letter of resume) written.add(letter)
  }
  expect(written.has('-') && written.has('_')).toBe(true)
})

it('remembers the last 512 ids of the server, and forgets the oldest alone', () => {
  const positions = new Positions()
  const see = (n: number) => positions.see({ type: 'notice', message_id: `m${n}` } as unknown as Message)
  for (let n = 0; n <= 512; n++) expect(see(n)).toBe(true)
  for (let n = 1; n <= 512; n++) expect(see(n)).toBe(false)
  expect(see(0)).toBe(true)
  expect(see(1)).toBe(true) // which has made room for it
  expect(see(512)).toBe(false)
})
