import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { EngineError } from '@millrace/engine'
import { type BuildFailure, type BuildOptions, type BuildResult, build, formatMessagesSync } from 'esbuild'
import { storeModule } from './module-cache.ts'
import type { PreparedApplication } from './prepared-application.ts'

type Bundled = BuildResult<{ write: false; metafile: true }>

/**
 * Bundles an application's own files into one module with a source map; packages stay imports. Types aren't checked.
 * Inside, `import.meta.url` is that of the file the user named. Errors (invalid): `APPLICATION_NOT_BUNDLED`.
 */
export async function bundleSource(file: string, shownAs: string): Promise<PreparedApplication> {
  const folder = dirname(file)
  const { outputFiles, metafile } = await runEsbuild(file, shownAs, {
    packages: 'external',
    // The module lies in a cache folder: a map that named the sources relative to itself would miss them.
    sourcemap: 'inline',
    sourceRoot: `${pathToFileURL(folder).href}/`,
    define: {
      'import.meta.url': JSON.stringify(pathToFileURL(file).href),
      'import.meta.filename': JSON.stringify(file),
      'import.meta.dirname': JSON.stringify(folder),
    },
  })
  const stored = storeModule(new Map([['app.mjs', contentsOf(outputFiles, '.mjs')]]), folder)
  const inputs = Object.keys(metafile.inputs).map((input) => resolve(folder, input))
  return { moduleFile: join(stored.folder, 'app.mjs'), shownAs, inputs, ensure: stored.ensure }
}

/** The application with every package it imports but Millrace's own, which whoever runs it brings. Errors as above. */
export async function bundleEverything(
  file: string,
  shownAs: string,
): Promise<{ readonly module: Uint8Array; readonly sourceMap: Uint8Array }> {
  if (!existsSync(file)) {
    throw new EngineError('APPLICATION_NOT_FOUND', { kind: 'invalid', message: `There is no file ${file}.` })
  }
  const { outputFiles } = await runEsbuild(file, shownAs, {
    external: ['millrace', 'millrace/*', '@millrace/*'],
    sourcemap: 'linked',
    minifyWhitespace: false,
    // Packages in CommonJS call require, which a module doesn't have by itself.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
  })
  return { module: contentsOf(outputFiles, '.mjs'), sourceMap: contentsOf(outputFiles, '.map') }
}

async function runEsbuild(file: string, shownAs: string, options: BuildOptions): Promise<Bundled> {
  try {
    return (await build({
      ...options,
      entryPoints: [file],
      outfile: join(dirname(file), 'app.mjs'),
      absWorkingDir: dirname(file),
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20.19',
      keepNames: true,
      metafile: true,
      write: false,
      logLevel: 'silent',
    })) as Bundled
  } catch (error) {
    const { errors } = error as Partial<BuildFailure>
    if (errors === undefined) throw error
    const told = formatMessagesSync(errors, { kind: 'error', color: false }).join('').trimEnd()
    throw new EngineError('APPLICATION_NOT_BUNDLED', {
      kind: 'invalid',
      message: `${shownAs} could not be bundled:\n${told}`,
      details: { file },
    })
  }
}

function contentsOf(files: Bundled['outputFiles'], ending: string): Uint8Array {
  return files.find(({ path }) => path.endsWith(ending))?.contents ?? new Uint8Array(0)
}
