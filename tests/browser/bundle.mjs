// Bundles the test page that uses React, with the package as it is compiled: bundle.mjs <node/dist>
import { build } from 'esbuild'

const [dist] = process.argv.slice(2)
await build({
  entryPoints: ['pages/react.jsx'],
  outfile: 'pages/react.bundle.js',
  bundle: true,
  format: 'esm',
  jsx: 'automatic',
  alias: { 'ws_manager/client': `${dist}/client/index.js`, 'ws_manager/react': `${dist}/react/index.js` },
  nodePaths: ['node_modules'],
  define: { 'process.env.NODE_ENV': '"development"' }, // where StrictMode mounts twice
  logLevel: 'warning',
})
