import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const REACT = ['components', 'join', 'react', 'rendering', 'seeds*', 'server'].map((name) => `**/${name}.test.{ts,tsx}`)
const esbuild = { jsx: 'automatic' } as const

export default defineConfig({
  test: {
    projects: [
      { esbuild, test: { name: 'web', root: import.meta.dirname, include: ['**/*.test.{ts,tsx}'] } },
      {
        esbuild,
        test: { name: 'React 18', root: join(import.meta.dirname, '../../react18/tests/web'), include: REACT },
      },
    ],
  },
})
