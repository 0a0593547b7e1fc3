import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError } from '@millrace/engine/spi'

const form = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The id of the node whose data directory this is, from its file `node-id`; made at the first start.
 * Errors: `NODE_ID_INVALID` (invalid), Node's for the file.
 */
export async function loadOrCreateNodeId(dataDirectory: string): Promise<string> {
  const file = join(dataDirectory, 'node-id')
  try {
    await writeFile(file, `${randomUUID()}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const id = (await readFile(file, 'utf8')).trim()
  if (form.test(id)) return id
  throw new EngineError('NODE_ID_INVALID', {
    kind: 'invalid',
    message: `${file} holds no node id.`,
    hint: 'Remove it: the node then joins as a new one.',
    details: { file },
  })
}
