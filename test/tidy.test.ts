import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const layers = ['common', 'types', 'spi', 'runtime', 'plan', 'coordination', 'api', 'cep']
const sources = readdirSync(join(root, 'packages'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /^[a-z]+\/src\/.*\.tsx?$/.test(file) && !file.includes('node_modules'))
  .map((file) => ({ file, text: readFileSync(join(root, 'packages', file), 'utf8') }))
const shipped = sources.filter(({ file }) => !/\.test\.ts$|-fixture\.ts$|\/testing\//.test(file))

const importsOf = (text: string): string[] =>
  [...text.matchAll(/^\s*(?:import|export)\b[^'"]*?from\s+'([^']+)'|import\('([^']+)'\)/gm)].map(
    (m) => (m[1] ?? m[2]) as string,
  )

test('inside the engine imports point left: common, types, spi, runtime, plan, coordination, api', () => {
  const wrong = shipped.flatMap(({ file, text }) => {
    const layer = layers.indexOf(/^engine\/src\/([a-z]+)\//.exec(file)?.[1] ?? '')
    if (layer < 0) return []
    return importsOf(text)
      .filter((target) => target.startsWith('.'))
      .map((target) => relative(join(root, 'packages/engine/src'), resolve(root, 'packages', dirname(file), target)))
      .filter((target) => layers.indexOf(target.split('/')[0] as string) > layer)
      .map((target) => `${file} imports ${target}`)
  })
  expect(wrong).toEqual([])
})

test('packages meet at their public entries; connectors know the engine by its spi and not each other', () => {
  const wrong = shipped.flatMap(({ file, text }) =>
    importsOf(text)
      .filter((target) => {
        if (/^@millrace\/[a-z]+\/(src|dist)\//.test(target)) return true
        const folder = /^connectors\/src\/([a-z0-9]+)\//.exec(file)?.[1]
        if (folder === undefined)
          return target.startsWith('.') && !resolve('/p', dirname(file), target).startsWith(`/p/${file.split('/')[0]}/`)
        if (target.startsWith('@millrace/')) return target !== '@millrace/engine/spi'
        const other = /^connectors\/src\/([a-z0-9]+)\//.exec(resolve('/', dirname(file), target).slice(1))?.[1]
        return target.startsWith('.') && other !== undefined && other !== folder && !['aws', 'formats'].includes(other)
      })
      .map((target) => `${file} imports ${target}`),
  )
  expect(wrong).toEqual([])
})

test('time, chance and timers come from common/', () => {
  const forbidden =
    /\b(Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|setImmediate|performance\.now|process\.hrtime)\b/
  const wrong = shipped
    .filter(({ file }) => !file.startsWith('engine/src/common/'))
    .flatMap(({ file, text }) =>
      text
        .split('\n')
        .map((line, i) => ({ line: line.replace(/\/\/.*$|^\s*\*.*$/, ''), at: `${file}:${i + 1}` }))
        .filter(({ line }) => forbidden.test(line))
        .map(({ at, line }) => `${at} ${line.trim()}`),
    )
  expect(wrong).toEqual([])
})
