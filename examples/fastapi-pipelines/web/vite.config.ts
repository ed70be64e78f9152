import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

// sonner puts its style sheet into the page by script, which the page's Content-Security-Policy forbids: main.tsx imports it instead.
const sonnerWithoutInlineStyles: Plugin = {
  name: 'sonner-without-inline-styles',
  transform: (code, id) => (id.includes('/sonner/dist/') ? code.replace(/^__insertCSS\(.*\);?$/m, '') : undefined),
}

export default defineConfig({
  plugins: [react(), sonnerWithoutInlineStyles],
  build: { target: 'es2022', assetsInlineLimit: 0 },
  server: {
    // `npm run dev` beside `make demo`: what is behind the page comes from there.
    proxy: { '/api': 'http://127.0.0.1:8000', '/ws': { target: 'ws://127.0.0.1:8000', ws: true } },
  },
})
