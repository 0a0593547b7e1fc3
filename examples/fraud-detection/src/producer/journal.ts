import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import type { Acknowledgement } from './put-pipeline.ts'

/**
 * What the stream acknowledged, for the oracle: `acknowledged.txt` with `shard sequenceNumber index` a line, and
 * `planted.jsonl` with the planted frauds that are complete. Goes on where an earlier run ended.
 */
export class Journal {
  readonly #acknowledged: WriteStream
  readonly #planted: WriteStream
  #lines = ''

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true })
    this.#acknowledged = createWriteStream(join(directory, 'acknowledged.txt'), { flags: 'a' })
    this.#planted = createWriteStream(join(directory, 'planted.jsonl'), { flags: 'a' })
  }

  add({ record, shard, sequenceNumber }: Acknowledgement): void {
    // Those of one answer become one write.
    if (this.#lines === '') setImmediate(() => this.#write())
    this.#lines += `${shard} ${sequenceNumber} ${record.index}\n`
    if (record.plants !== undefined) {
      this.#planted.write(`${JSON.stringify({ id: record.index, rule: record.plants })}\n`)
    }
  }

  async close(): Promise<void> {
    this.#write()
    await Promise.all([this.#acknowledged, this.#planted].map((file) => new Promise<void>((done) => file.end(done))))
  }

  #write(): void {
    if (this.#lines !== '') this.#acknowledged.write(this.#lines)
    this.#lines = ''
  }
}
