import {
  type Clock,
  type Encoder,
  type FileSystem,
  type Random,
  type Scheduler,
  systemClock,
  systemRandom,
  systemScheduler,
} from '@millrace/engine/spi'
import type { SinkHarness } from '@millrace/engine/testing'
import { eventTimeBuckets } from '../bucket-assigner.ts'
import { files } from '../files-sink.ts'

/** A record of the contract runs: its number, and padding so that lines differ in length. */
export interface Numbered {
  readonly index: number
  readonly padding: string
}

const numbered: Encoder<Numbered> = { encode: (value) => new TextEncoder().encode(JSON.stringify(value)) }

/** Surroundings of `numberedFiles`; the machine's own clock, scheduler and chance unless given. */
export interface NumberedFilesParts {
  readonly path: string
  /** What the sink writes through. */
  readonly fileSystem: FileSystem
  /** What the test looks through; never made to fail. */
  readonly reader?: FileSystem
  readonly clock?: Clock
  readonly scheduler?: Scheduler
  readonly random?: Random
  readonly paddingChars?: number
  readonly rollingBytes?: number
  readonly close?: () => Promise<void>
}

/** A harness of the `files` sink with small parts in buckets of 16 records of event time. */
export function numberedFiles(parts: NumberedFilesParts): SinkHarness<Numbered> {
  const { path, fileSystem, reader = fileSystem, paddingChars = 24, rollingBytes = 300 } = parts
  return {
    createSink: () =>
      files<Numbered>({
        path,
        format: numbered,
        bucket: eventTimeBuckets({ sizeMs: 16_000, pattern: 'yyyy/HH-mm-ss' }),
        rolling: { sizeBytes: rollingBytes },
        maxOpenParts: 3,
        maxBufferedBytes: 2_000,
      }),
    record: (index) => ({
      value: { index, padding: 'x'.repeat((index * 7) % (paddingChars + 1)) },
      // Disorder: every third record is 10 s late.
      timestampMs: index * 1000 - (index % 3 === 0 ? 10_000 : 0),
    }),
    visible: () => visibleNumbers(reader, path),
    clock: parts.clock ?? systemClock,
    scheduler: parts.scheduler ?? systemScheduler,
    random: parts.random ?? systemRandom,
    fileSystem: () => fileSystem,
    close: parts.close ?? (async () => {}),
  }
}

/** The numbers in every visible file. Fails on a torn line. */
export async function visibleNumbers(reader: FileSystem, path: string): Promise<number[]> {
  const numbers: number[] = []
  for (const file of await reader.list(path)) {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await reader.read(file.path))
    const lines = text.split('\n')
    if (lines.pop() !== '') throw new Error(`${file.path} doesn't end with a newline`)
    numbers.push(...lines.map((line) => (JSON.parse(line) as Numbered).index))
  }
  return numbers
}
