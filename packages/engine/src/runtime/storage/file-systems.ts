import { EngineError } from '../../common/errors.ts'
import type { FileSystem } from '../../spi/file-system.ts'

/** Every file system of a process, by scheme. */
export interface FileSystems {
  /** The file system a path names: `s3://…` by its scheme, plain paths `file`. Throws `FILE_SYSTEM_UNKNOWN`. */
  forPath(path: string): FileSystem
}

/** `schemes`: `{ file: localFileSystem(…), s3: s3FileSystem(…) }`. */
export function createFileSystems(schemes: Readonly<Record<string, FileSystem>>): FileSystems {
  return {
    forPath(path) {
      const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(path)?.[1]?.toLowerCase() ?? 'file'
      const fileSystem = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined
      if (fileSystem !== undefined) return fileSystem
      const known = Object.keys(schemes).sort().join(', ')
      throw new EngineError('FILE_SYSTEM_UNKNOWN', {
        kind: 'invalid',
        message: `There is no file system for ${path}: '${scheme}' isn't one of ${known}.`,
        hint: `Use a path of one of these: ${known}.`,
        details: { path, scheme, known: Object.keys(schemes) },
      })
    },
  }
}
