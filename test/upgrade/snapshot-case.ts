import { HeapKeyedStateBackend } from '../../packages/engine/src/runtime/state/heap-keyed-state-backend.ts'
import type { KeyedStateKind } from '../../packages/engine/src/runtime/state/keyed-schema.ts'
import { readSnapshotFile, SnapshotFileWriter } from '../../packages/engine/src/runtime/state/snapshot-file.ts'
import { listState, mapState, valueState } from '../../packages/engine/src/spi/state.ts'

/** A snapshot as `input.json` describes it. Maps and namespaced states are lists of pairs. */
export interface SnapshotCase {
  readonly maxParallelism: number
  readonly keyed: readonly KeyedCase[]
  readonly lists: readonly {
    readonly operatorId: string
    readonly name: string
    readonly elements: readonly unknown[]
  }[]
}

interface KeyedCase {
  readonly operatorId: string
  readonly states: readonly { readonly name: string; readonly kind: KeyedStateKind }[]
  readonly timerQueues: readonly string[]
  readonly keys: readonly { readonly key: unknown; readonly states: Readonly<Record<string, any>> }[]
  readonly timers: readonly {
    readonly queue: string
    readonly timestampMs: number
    readonly key: unknown
    readonly namespace: unknown
  }[]
}

/** Puts the state into backends and writes their snapshot. */
export function writeSnapshotCase({ maxParallelism, keyed, lists }: SnapshotCase): Uint8Array {
  const backends = keyed.map((each) => ({ operatorId: each.operatorId, backend: filled(each, maxParallelism) }))
  return writeFile(backends, lists)
}

/** Restores a snapshot file's keyed state and writes it anew, with its lists. */
export function rewriteSnapshot(bytes: Uint8Array): Uint8Array {
  const contents = readSnapshotFile(bytes)
  const ids = contents.operatorIds()
  const backends = ids.flatMap((operatorId) => {
    const schema = contents.schema(operatorId)
    if (schema === undefined) return []
    const backend = emptyBackend(operatorId, schema.maxParallelism)
    for (const { name, kind } of schema.states) declare(backend, name, kind)
    for (const name of schema.timerQueues) backend.timers(name)
    backend.restore(contents.keyed(operatorId))
    return [{ operatorId, backend }]
  })
  const lists = ids.flatMap((operatorId) =>
    contents
      .operatorStates(operatorId)
      .map((name) => ({ operatorId, name, elements: contents.operator(operatorId, name) })),
  )
  return writeFile(backends, lists)
}

/** Reads a snapshot file into the form of a case, for the keys that `like` names; timers in the order they fire. */
export function readSnapshotCase(bytes: Uint8Array, like: SnapshotCase): SnapshotCase {
  const contents = readSnapshotFile(bytes)
  const keyed = like.keyed.map(({ operatorId, keys }) => {
    const schema = contents.schema(operatorId)!
    const backend = emptyBackend(operatorId, schema.maxParallelism)
    backend.restore(contents.keyed(operatorId))
    const states = schema.states.map(({ name, kind }) => ({ name, kind }))
    const timers = schema.timerQueues.flatMap((queue) => firedTimers(backend, queue))
    return {
      operatorId,
      states,
      timerQueues: schema.timerQueues,
      keys: keys.map(({ key }) => ({ key, states: statesOf(backend, key, states) })),
      timers,
    }
  })
  const lists = like.lists.map(({ operatorId, name }) => ({
    operatorId,
    name,
    elements: contents.operator(operatorId, name),
  }))
  return { maxParallelism: contents.schema(like.keyed[0]!.operatorId)!.maxParallelism, keyed, lists }
}

function emptyBackend(operatorId: string, maxParallelism: number): HeapKeyedStateBackend {
  return new HeapKeyedStateBackend({ operatorId, maxParallelism, range: { start: 0, end: maxParallelism - 1 } })
}

function filled({ operatorId, states, timerQueues, keys, timers }: KeyedCase, max: number): HeapKeyedStateBackend {
  const backend = emptyBackend(operatorId, max)
  const accessors = new Map(states.map(({ name, kind }) => [name, declare(backend, name, kind)]))
  for (const each of keys) {
    backend.setCurrentKey(each.key)
    for (const [name, content] of Object.entries(each.states)) accessors.get(name)!.put(content)
  }
  for (const name of timerQueues) backend.timers(name)
  for (const { queue, timestampMs, key, namespace } of timers) {
    backend.setCurrentKey(key)
    backend.timers(queue).register(timestampMs, namespace)
  }
  return backend
}

interface Accessor {
  put(content: any): void
  get(): unknown
}

/** Writes and reads a state of any kind in the form that `input.json` has; `undefined` when there is nothing. */
function declare(backend: HeapKeyedStateBackend, name: string, kind: KeyedStateKind): Accessor {
  const some = <T>(items: readonly T[]) => (items.length > 0 ? items : undefined)
  if (kind === 'value') {
    const state = backend.getState(valueState<unknown>(name))
    return { put: (content) => state.update(content), get: () => state.value() ?? undefined }
  }
  if (kind === 'list') {
    const state = backend.getState(listState<unknown>(name))
    return { put: (content) => state.update(content), get: () => some(state.get()) }
  }
  if (kind === 'map') {
    const state = backend.getState(mapState<unknown, unknown>(name))
    return {
      put: (content) => content.forEach(([key, value]: [unknown, unknown]) => void state.put(key, value)),
      get: () => some([...state.entries()]),
    }
  }
  if (kind === 'namespaced-value') {
    const state = backend.namespacedValue<unknown>(name)
    return {
      put: (content) => content.forEach(([ns, value]: [unknown, unknown]) => void state.set(ns, value)),
      get: () => some(state.namespaces().map((ns) => [ns, state.get(ns)])),
    }
  }
  const state = backend.namespacedList<unknown>(name)
  return {
    put: (content) => {
      for (const [ns, elements] of content) for (const each of elements) state.add(ns, each)
    },
    get: () => some(state.namespaces().map((ns) => [ns, state.get(ns)])),
  }
}

function statesOf(
  backend: HeapKeyedStateBackend,
  key: unknown,
  states: readonly { readonly name: string; readonly kind: KeyedStateKind }[],
): Record<string, unknown> {
  backend.setCurrentKey(key)
  const contents = states.map(({ name, kind }) => [name, declare(backend, name, kind).get()] as const)
  return Object.fromEntries(contents.filter(([, content]) => content !== undefined))
}

function firedTimers(backend: HeapKeyedStateBackend, queue: string): KeyedCase['timers'][number][] {
  const timers: KeyedCase['timers'][number][] = []
  backend.timers(queue).advance(Number.POSITIVE_INFINITY, ({ timestampMs, key, namespace }) => {
    timers.push({ queue, timestampMs, key, namespace })
  })
  return timers
}

function writeFile(
  backends: readonly { readonly operatorId: string; readonly backend: HeapKeyedStateBackend }[],
  lists: SnapshotCase['lists'],
): Uint8Array {
  const writer = new SnapshotFileWriter()
  for (const { operatorId, backend } of backends) {
    const sweep = backend.snapshot()
    while (!sweep.step(100)) {}
    writer.addKeyed(operatorId, backend.schema(), sweep.result())
  }
  for (const { operatorId, name, elements } of lists) writer.addOperator(operatorId, name, elements)
  return writer.finish().bytes
}
