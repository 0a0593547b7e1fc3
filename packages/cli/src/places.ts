import { join, resolve } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** Where Millrace keeps its data: `MILLRACE_HOME`, or `.millrace` in the working directory. */
export function homeDirectory(env: Environment = process.env): string {
  return resolve(env['MILLRACE_HOME'] ?? '.millrace')
}

/** An application's own directory below the home; its name becomes one safe path segment. */
export function applicationDirectory(name: string, env: Environment = process.env): string {
  const segment = name.replace(/[^\w.-]+/g, '-').replace(/^\.+/, '')
  return join(homeDirectory(env), 'apps', segment === '' ? 'application' : segment)
}

/** Whether a path names another file system than the machine's own (`s3://…`). */
export function isRemote(path: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(path)?.[1]?.toLowerCase()
  return scheme !== undefined && scheme !== 'file'
}

/** A path the file systems take: remote ones as they are, local ones absolute. */
export function absolutePath(path: string): string {
  return isRemote(path) || path.startsWith('file://') ? path : resolve(path)
}
