import { mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  createFileSystems,
  type FileSystems,
  localFileSystem,
  systemClock,
  systemRandom,
  systemScheduler,
} from '@millrace/engine/host'

/** The file systems that a run's outputs and checkpoints may lie on; S3 and its SDK only when they lie there. */
export async function runFileSystems(onS3: boolean): Promise<FileSystems> {
  const parts = { clock: systemClock, random: systemRandom, scheduler: systemScheduler }
  const file = localFileSystem(parts)
  if (!onS3) return createFileSystems({ file })
  const { s3FileSystem } = await import('@millrace/connectors/s3')
  return createFileSystems({ file, s3: s3FileSystem({}, parts) })
}

/** Finished files at any depth; names that begin with `.` or `_` are hidden. */
async function finishedFiles(fileSystems: FileSystems, folder: string): Promise<string[]> {
  const files = await fileSystems.forPath(folder).list(folder)
  return files.map(({ path }) => path).filter((path) => !/^[._]/.test(basename(path)))
}

/** Distinct flagged positions in finished files. */
export async function countFlagged(fileSystems: FileSystems, folder: string): Promise<number> {
  const ids = new Set<string>()
  for (const path of await finishedFiles(fileSystems, folder)) {
    for (const line of new TextDecoder().decode(await fileSystems.forPath(path).read(path)).split('\n')) {
      if (line === '') continue
      const { shard, sequenceNumber } = JSON.parse(line) as { shard: string; sequenceNumber: string }
      ids.add(`${shard}:${sequenceNumber}`)
    }
  }
  return ids.size
}

/** Makes a local folder hold what is finished below another one, and nothing else. */
export async function download(fileSystems: FileSystems, from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true })
  const prefix = `${from}/`
  for (const path of await finishedFiles(fileSystems, from)) {
    const target = join(to, path.slice(prefix.length))
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, await fileSystems.forPath(path).read(path))
  }
}
