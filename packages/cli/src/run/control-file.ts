import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Who runs an application's directory and where it listens: `control.json` in that directory. */
export interface ControlFile {
  readonly pid: number
  /** Path of the local control socket: `control.sock` beside this file, or a short one elsewhere. */
  readonly socket: string
}

const FILE_NAME = 'control.json'

export function writeControlFile(directory: string, contents: ControlFile): void {
  const file = join(directory, FILE_NAME)
  writeFileSync(`${file}.new`, `${JSON.stringify(contents)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Undefined when nothing runs there, as far as the file says: its process may have been killed since. */
export function readControlFile(directory: string): ControlFile | undefined {
  const file = join(directory, FILE_NAME)
  if (!existsSync(file)) return undefined
  return JSON.parse(readFileSync(file, 'utf8')) as ControlFile
}

export function removeControlFile(directory: string): void {
  rmSync(join(directory, FILE_NAME), { force: true })
}
