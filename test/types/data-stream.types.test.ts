import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
const options = ts.parseJsonConfigFileContent(config, ts.sys, root).options

/** What the compiler says of a program's body: line and message. */
function compilerErrors(body: string): string[] {
  const file = join(import.meta.dirname, 'program.ts')
  const text = `import { outputTag, StreamExecutionEnvironment, TumblingEventTimeWindows, valueState } from '@millrace/engine'
const env = StreamExecutionEnvironment.create()
const payments = env.fromCollection([{ card: 1, amountCents: 5, merchant: 'a' }])
${body}
`
  const host = ts.createCompilerHost(options)
  const { readFile, getSourceFile, fileExists } = host
  host.fileExists = (name) => name === file || fileExists.call(host, name)
  host.readFile = (name) => (name === file ? text : readFile.call(host, name))
  host.getSourceFile = (name, target, ...rest) =>
    name === file ? ts.createSourceFile(name, text, target) : getSourceFile.call(host, name, target, ...rest)
  const program = ts.createProgram([file], options, host)
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map((diagnostic) => ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'))
}

test('types are inferred from source to sink', () => {
  expect(
    compilerErrors(`
const flagged = outputTag<{ id: number }>('flagged')
const judged = payments
  .map((p) => ({ ...p, large: p.amountCents > 100 }))
  .keyBy((p) => [p.card, p.merchant] as const)
  .process<{ card: number; total: number }>(() => {
    const total = valueState<number>('total')
    let state: { value(): number | null; update(value: number): void }
    return {
      open: (context) => { state = context.getState(total) },
      processElement(p, context, out) {
        const [card] = context.currentKey
        const large: boolean = p.large
        if (large) context.output(flagged, { id: card })
        out.collect({ card, total: (state.value() ?? 0) + p.amountCents })
      },
    }
  })
const ids: Promise<{ id: number }[]> = judged.getSideOutput(flagged).executeAndCollect()
const totals: Promise<string[]> = judged
  .keyBy((t) => t.card)
  .window(TumblingEventTimeWindows.of(1000))
  .aggregate(
    { createAccumulator: () => 0, add: (t, sum: number) => sum + t.total, getResult: (sum) => sum },
    (card, window, sum) => \`\${card.toFixed()} \${window.endMs} \${sum.toFixed()}\`,
  )
  .executeAndCollect()
void [ids, totals]`),
  ).toEqual([])
})

test.each([
  {
    it: 'a field that does not exist',
    program: 'payments.map((p) => p.amountCent)',
    says: "'amountCent' does not exist",
  },
  {
    it: 'a wrong field after a transformation',
    program: 'payments.map((p) => ({ id: p.card })).filter((p) => p.card === 1)',
    says: "'card' does not exist",
  },
  {
    it: 'a sink of other records',
    program: "payments.getSideOutput(outputTag<string>('x')).map((s) => s.toUpperCase()).map((s) => s.card)",
    says: "'card' does not exist",
  },
  { it: 'an object as key', program: 'payments.keyBy((p) => ({ card: p.card }))', says: 'is not assignable' },
  {
    it: 'a side output of another type',
    program: `payments.process<number>(() => ({
      processElement(p, context) { context.output(outputTag<string>('x'), p.card) },
    }))`,
    says: "'number' is not assignable to parameter of type 'string'",
  },
])('the compiler refuses $it', ({ program, says }) => {
  const errors = compilerErrors(program)
  expect(errors.length).toBeGreaterThan(0)
  expect(errors[0]).toContain(says)
})

test.each([
  'payments.map(async (p) => p.card)',
  'payments.filter(async (p) => p.card === 1)',
  'payments.keyBy(async (p) => p.card)',
  'payments.keyBy((p) => p.card).reduce(async (a) => a)',
  'payments.flatMap(async (p) => [p])',
])('a function that returns a promise is refused with a hint: %s', (program) => {
  expect(compilerErrors(program)[0]).toContain('Functions of a stream are synchronous: do I/O in a source or a sink.')
})
