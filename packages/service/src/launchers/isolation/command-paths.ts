import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * The folders that a command's module and everything it imports lie in: its package, the `node_modules` around it, and
 * where links in their scope `@millrace` lead (a workspace's packages).
 */
export function commandPaths(commandFile: string): string[] {
  const file = realpathSync(commandFile)
  const paths = new Set([packageFolder(file)])
  for (const folder of foldersAbove(file)) {
    const nodeModules = basename(folder) === 'node_modules' ? folder : join(folder, 'node_modules')
    if (!existsSync(nodeModules)) continue
    paths.add(nodeModules)
    const scope = join(nodeModules, '@millrace')
    for (const name of existsSync(scope) ? readdirSync(scope) : []) {
      const linked = join(scope, name)
      if (existsSync(linked)) paths.add(realpathSync(linked))
    }
  }
  return [...paths]
}

/** The nearest folder with a package.json; the file's own where there is none. */
function packageFolder(file: string): string {
  return foldersAbove(file).find((folder) => existsSync(join(folder, 'package.json'))) ?? dirname(file)
}

function foldersAbove(file: string): string[] {
  const folder = dirname(file)
  return folder === file ? [] : [folder, ...foldersAbove(folder)]
}
