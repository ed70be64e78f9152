// Examples of the pages about the client are compiled, as strictly as the client itself.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = join(ROOT, 'build/docs-web')

it.each(['client.md', 'react.md'])(
  'examples of docs/%s compile',
  (page) => {
    const text = readFileSync(join(ROOT, 'docs', page), 'utf8')
    const blocks = [...text.matchAll(/^```(tsx?)\n([\s\S]*?)^```/gm)]
    expect(blocks.length).toBeGreaterThan(3)
    const folder = join(FOLDER, page)
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const files = blocks.map(([, kind, code], i) => {
      const file = join(folder, `example${i}.${kind}`)
      writeFileSync(file, `${code}\nexport {}\n`)
      return file
    })
    writeFileSync(join(folder, 'css.d.ts'), "declare module '*.css'\n")
    const program = ts.createProgram([...files, join(folder, 'css.d.ts')], {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ES2022,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      jsx: ts.JsxEmit.ReactJSX,
      types: [],
      paths: {
        'ws_manager/client': [join(ROOT, 'node/client/index.ts')],
        'ws_manager/react': [join(ROOT, 'node/react/index.ts')],
        'ws_manager/react/toasts': [join(ROOT, 'node/react/toasts.tsx')],
      },
    })
    const errors = ts.getPreEmitDiagnostics(program).map((each) => {
      const at =
        each.file && each.start !== undefined
          ? `${each.file.fileName}:${each.file.getLineAndCharacterOfPosition(each.start).line + 1}: `
          : ''
      return at + ts.flattenDiagnosticMessageText(each.messageText, '\n')
    })
    expect(errors).toEqual([])
  },
  60_000,
)
