/** The first application: what README.md shows, so that both are the same (a test compares them). */
export const firstApplication = `import { datagen } from '@millrace/connectors/datagen'
import { defineApplication, TumblingEventTimeWindows, WatermarkStrategy } from 'millrace'

/** Counts page views per page and second of event time; the views are made up. */
export default defineApplication({
  name: 'page-views',
  build(env) {
    const views = datagen({
      count: 5000,
      recordsPerSecond: 2000,
      generate: (index, random) => ({ page: ['/', '/cart', '/pay'][random.int(0, 2)] ?? '/', timeMs: index }),
      timestampOf: (view) => view.timeMs,
    })
    env
      .fromSource(views, WatermarkStrategy.forMonotonousTimestamps(), 'views')
      .keyBy((view) => view.page)
      .window(TumblingEventTimeWindows.of(1000))
      .aggregate(
        { createAccumulator: () => 0, add: (_view, count) => count + 1, getResult: (count) => count },
        (page, window, views, out) => out.collect({ page, fromMs: window.startMs, views }),
      )
      .print()
  },
})
`

/** Every file of a new folder, by name. */
export function templateFiles(folderName: string, version: string): Readonly<Record<string, string>> {
  const name =
    folderName
      .toLowerCase()
      .replace(/[^a-z0-9-_.]+/g, '-')
      .replace(/^[._-]+/, '') || 'application'
  const manifest = {
    name,
    private: true,
    type: 'module',
    scripts: { start: 'millrace run app.ts', dev: 'millrace run app.ts --watch', types: 'tsc' },
    dependencies: { '@millrace/connectors': version, millrace: version },
    devDependencies: { typescript: '5.9.3' },
  }
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  }
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'tsconfig.json': `${JSON.stringify({ compilerOptions, include: ['*.ts'] }, null, 2)}\n`,
    'app.ts': firstApplication,
    'README.md': readme(name),
    '.gitignore': 'node_modules/\n.millrace/\n',
  }
}

function readme(name: string): string {
  return `# ${name}

A stream application for [Millrace](https://www.npmjs.com/package/millrace): \`app.ts\` declares it.

\`\`\`sh
npm install
npm start         # runs it
npm run dev       # runs it again whenever app.ts changes
npm run types     # checks its types
\`\`\`

\`npx millrace run --help\` shows what else there is: parallelism, checkpoints, savepoints.
`
}
