import type { PendingFile, PersistedFile, RecoverableFile } from '@millrace/engine/spi'
import { expect, test } from 'vitest'
import { Part } from './part.ts'

const line = (text: string) => new TextEncoder().encode(text)
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A file as the contract has it: calls must not overlap, writes may come while a `persist` is under way. */
class StrictFile implements RecoverableFile {
  readonly targetPath = '/x'
  lengthBytes = 0
  bufferedBytes = 0
  readonly log: string[] = []
  readonly gates: (() => void)[] = []
  #calling = ''

  write(bytes: Uint8Array): void {
    if (this.#calling === 'close') throw new Error('write during close')
    this.lengthBytes += bytes.length
    if (bytes.length > 0) this.log.push(new TextDecoder().decode(bytes).replaceAll('\n', ''))
  }

  persist(): Promise<PersistedFile> {
    return this.#call('persist')
  }

  close(): Promise<PendingFile> {
    return this.#call('close')
  }

  discard(): Promise<void> {
    return this.#call('discard').then(() => {})
  }

  async #call(name: string): Promise<PersistedFile> {
    if (this.#calling !== '') throw new Error(`${name} during ${this.#calling}`)
    this.#calling = name
    this.log.push(name)
    const { targetPath, lengthBytes } = this
    await new Promise<void>((resolve) => this.gates.push(resolve))
    this.#calling = ''
    return { targetPath, lengthBytes, token: {} }
  }
}

const about = { bucket: 'b', targetPath: '/x', endMs: undefined }

test('what is added while the file opens keeps its place around snapshots', async () => {
  const file = new StrictFile()
  let opened = (_: RecoverableFile) => {}
  const opening = new Promise<RecoverableFile>((resolve) => {
    opened = resolve
  })
  const part = new Part(about, 0, opening)
  part.add(line('a'), 0)
  const first = part.persist()
  part.add(line('bb'), 0)
  const second = part.persist()
  part.add(line('ccc'), 0)
  const closed = part.close()
  expect(part.bufferedBytes).toBe(2 + 3 + 4)
  opened(file)
  await turn()
  // The second snapshot waits for the first, and what comes after it waits too.
  expect(file.log).toEqual(['a', 'persist', 'bb'])
  file.gates[0]!()
  expect((await first).lengthBytes).toBe(2)
  await turn()
  expect(file.log).toEqual(['a', 'persist', 'bb', 'persist', 'ccc'])
  file.gates[1]!()
  expect((await second).lengthBytes).toBe(5)
  await turn()
  file.gates[2]!()
  expect((await closed).lengthBytes).toBe(9)
  expect(part.bufferedBytes).toBe(0)
})

test('a part that can’t be opened fails every call but discard', async () => {
  const part = new Part(about, 0, Promise.reject(new Error('no room')))
  part.add(line('a'), 0)
  const persisted = part.persist()
  await expect(persisted).rejects.toThrow('no room')
  await expect(part.close()).rejects.toThrow('no room')
  expect(() => part.throwFailure()).toThrow('no room')
  await part.discard()
  expect(part.bufferedBytes).toBe(0)
})
