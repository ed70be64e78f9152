import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const WEB = join(import.meta.dirname, '../..')
const REACT = ['components', 'join', 'react', 'rendering', 'seeds', 'server'].map((name) => `**/${name}.test.{ts,tsx}`)

const project = (name: string, folder: string, include: string[]) => ({
  esbuild: { jsx: 'automatic' as const },
  resolve: {
    alias: {
      'ws_manager/client': join(folder, 'node/client/index.ts'),
      'ws_manager/react/styles.css': join(folder, 'node/react/styles.css'),
      'ws_manager/react/toasts': join(folder, 'node/react/toasts.tsx'),
      vue: '@vue/reactivity', // the part of it that examples use
      'ws_manager/react': join(folder, 'node/react/index.ts'),
    },
  },
  test: { name, root: join(folder, 'tests/web'), include, testTimeout: 60_000 },
})

export default defineConfig({
  test: {
    projects: [project('web', WEB, ['**/*.test.{ts,tsx}']), project('React 18', join(WEB, 'react18'), REACT)],
  },
})
