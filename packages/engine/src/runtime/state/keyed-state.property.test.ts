import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listState, mapState, valueState } from '../../spi/state.ts'
import { encodeKey } from '../../types/key.ts'
import { keyGroupForKey, keyGroupRange, subtaskForKeyGroup } from '../../types/key-group.ts'
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts'
import type { KeyedSection } from './keyed-schema.ts'
import type { Timer } from './timer.ts'

const maxParallelism = 16
const keys = ['a', 'b', 'c', 'é', 0, 1.5, 7n, true, new Date(3), ['a', 1], ['a', null], Uint8Array.of(1, 2)]

interface Cell {
  count: number
  tags: string[]
}

/** The plain definition: everything of every key, copied whole at the mark. */
interface Model {
  value: Map<string, Cell>
  list: Map<string, number[]>
  map: Map<string, Map<string, number>>
  windows: Map<string, Map<number, Cell>>
  lists: Map<string, Map<number, number[]>>
  timers: Set<string>
}

const emptyModel = (): Model => ({
  value: new Map(),
  list: new Map(),
  map: new Map(),
  windows: new Map(),
  lists: new Map(),
  timers: new Set(),
})

const hex = (key: unknown) => Buffer.from(encodeKey(key)).toString('hex')
const timerId = (timer: Timer) => `${timer.timestampMs}/${hex(timer.key)}/${String(timer.namespace)}`

/** One subtask: a backend with all kinds of state. */
function subtask(index: number, parallelism: number) {
  const range = keyGroupRange(index, parallelism, maxParallelism)
  const backend = new HeapKeyedStateBackend({ operatorId: 'op', maxParallelism, range })
  return {
    backend,
    value: backend.getState(valueState<Cell>('value')),
    list: backend.getState(listState<number>('list')),
    map: backend.getState(mapState<string, number>('map')),
    windows: backend.namespacedValue<Cell>('windows'),
    lists: backend.namespacedList<number>('lists'),
    event: backend.timers('event'),
  }
}
type Subtask = ReturnType<typeof subtask>

type Op =
  | { op: 'count' | 'add' | 'clear-value' | 'clear-list' | 'clear-map' | 'clear-all'; key: number }
  | { op: 'put' | 'remove'; key: number; entry: string }
  | { op: 'window' | 'window-add' | 'window-clear' | 'register' | 'unregister'; key: number; at: number }
  | { op: 'advance'; at: number }
  | { op: 'step'; entries: number }

const key = fc.nat(keys.length - 1)
const at = fc.nat(6)
const anyOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constantFrom('count', 'add', 'clear-value', 'clear-list', 'clear-map', 'clear-all'), key }),
  fc.record({ op: fc.constantFrom('put', 'remove'), key, entry: fc.constantFrom('x', 'y', 'z') }),
  fc.record({ op: fc.constantFrom('window', 'window-add', 'window-clear', 'register', 'unregister'), key, at }),
  fc.record({ op: fc.constant('advance'), at }),
  fc.record({ op: fc.constant('step'), entries: fc.integer({ min: 1, max: 4 }) }),
) as fc.Arbitrary<Op>

/** Does to the state and to the model the same; `time` is how far event time has come. */
function apply(op: Exclude<Op, { op: 'step' }>, subtasks: readonly Subtask[], model: Model): void {
  if (op.op === 'advance') {
    for (const each of subtasks)
      each.event.advance(op.at, (timer) => expect(model.timers.delete(timerId(timer))).toBe(true))
    for (const id of model.timers) expect(Number.parseInt(id, 10)).toBeGreaterThan(op.at)
    return
  }
  const group = keyGroupForKey(keys[op.key], maxParallelism)
  const task = subtasks[subtaskForKeyGroup(group, subtasks.length, maxParallelism)]!
  const id = hex(keys[op.key])
  task.backend.setCurrentKey(keys[op.key])
  switch (op.op) {
    case 'count': {
      // The object in state itself is changed, and written back: what an application may do.
      const cell = task.value.value() ?? { count: 0, tags: [] }
      cell.count++
      cell.tags.push(`t${cell.count}`)
      task.value.update(cell)
      const { count, tags } = model.value.get(id) ?? { count: 0, tags: [] }
      model.value.set(id, { count: count + 1, tags: [...tags, `t${count + 1}`] })
      return
    }
    case 'add':
      task.list.add(op.key)
      model.list.set(id, [...(model.list.get(id) ?? []), op.key])
      return
    case 'put': {
      task.map.put(op.entry, op.key)
      model.map.set(id, new Map(model.map.get(id)).set(op.entry, op.key))
      return
    }
    case 'remove': {
      task.map.remove(op.entry)
      const map = new Map(model.map.get(id))
      map.delete(op.entry)
      if (map.size === 0) model.map.delete(id)
      else model.map.set(id, map)
      return
    }
    case 'window': {
      const cell = task.windows.get(op.at) ?? { count: 0, tags: [] }
      cell.count++
      task.windows.set(op.at, cell)
      const windows = new Map(model.windows.get(id))
      const { count, tags } = windows.get(op.at) ?? { count: 0, tags: [] }
      model.windows.set(id, windows.set(op.at, { count: count + 1, tags }))
      return
    }
    case 'window-add': {
      task.lists.add(op.at, op.key)
      const lists = new Map(model.lists.get(id))
      model.lists.set(id, lists.set(op.at, [...(lists.get(op.at) ?? []), op.key]))
      return
    }
    case 'window-clear':
      task.windows.clear(op.at)
      task.lists.clear(op.at)
      for (const states of [model.windows, model.lists]) {
        const map = new Map<number, any>(states.get(id) ?? [])
        map.delete(op.at)
        if (map.size === 0) states.delete(id)
        else states.set(id, map)
      }
      return
    case 'register':
      task.event.register(op.at, null)
      task.event.register(op.at, null)
      model.timers.add(`${op.at}/${id}/null`)
      return
    case 'unregister':
      task.event.delete(op.at, null)
      model.timers.delete(`${op.at}/${id}/null`)
      return
    case 'clear-value':
      task.value.clear()
      model.value.delete(id)
      return
    case 'clear-list':
      task.list.clear()
      model.list.delete(id)
      return
    case 'clear-map':
      task.map.clear()
      model.map.delete(id)
      return
    case 'clear-all':
      for (const each of [task.value, task.list, task.map]) each.clear()
      for (const each of [...task.windows.namespaces(), ...task.lists.namespaces()]) {
        task.windows.clear(each)
        task.lists.clear(each)
      }
      for (const each of [model.value, model.list, model.map, model.windows, model.lists]) each.delete(id)
  }
}

/** Everything that the subtasks hold, in the form of the model. */
function contents(subtasks: readonly Subtask[]): Model {
  const found = emptyModel()
  for (const each of keys) {
    const group = keyGroupForKey(each, maxParallelism)
    const task = subtasks[subtaskForKeyGroup(group, subtasks.length, maxParallelism)]!
    const id = hex(each)
    task.backend.setCurrentKey(each)
    const value = task.value.value()
    if (value !== null) found.value.set(id, value)
    if (task.list.get().length > 0) found.list.set(id, [...task.list.get()])
    if (!task.map.isEmpty()) found.map.set(id, new Map(task.map.entries()))
    const windows = new Map(task.windows.namespaces().map((ns) => [ns as number, task.windows.get(ns)!]))
    if (windows.size > 0) found.windows.set(id, windows)
    const lists = new Map(task.lists.namespaces().map((ns) => [ns as number, [...task.lists.get(ns)]]))
    if (lists.size > 0) found.lists.set(id, lists)
  }
  for (const each of subtasks) each.event.advance(Number.POSITIVE_INFINITY, (timer) => found.timers.add(timerId(timer)))
  return structuredClone(found)
}

function restoreAll(sections: readonly KeyedSection[], parallelism: number): Subtask[] {
  const subtasks = Array.from({ length: parallelism }, (_, index) => subtask(index, parallelism))
  for (const each of subtasks) each.backend.restore(sections)
  return subtasks
}

test('a snapshot written between records is the state of its mark, at any parallelism', () => {
  const parallelism = fc.integer({ min: 1, max: 5 })
  fc.assert(
    fc.property(
      fc.array(anyOp, { maxLength: 60 }),
      fc.array(anyOp, { maxLength: 60 }),
      parallelism,
      parallelism,
      (before, during, from, to) => {
        const subtasks = Array.from({ length: from }, (_, index) => subtask(index, from))
        const model = emptyModel()
        for (const op of before) if (op.op !== 'step') apply(op, subtasks, model)

        const atMark = structuredClone(model)
        const sweeps = subtasks.map((each) => each.backend.snapshot())
        for (const op of during) {
          if (op.op === 'step') for (const each of sweeps) each.step(op.entries)
          else apply(op, subtasks, model)
        }
        for (const each of sweeps) while (!each.step(3)) {}
        const sections = sweeps.flatMap((each) => each.result())

        expect(contents(restoreAll(sections, to))).toEqual(atMark)
        // The running job was not disturbed, and its next snapshot is right as well.
        const next = subtasks.flatMap((each) => {
          const sweep = each.backend.snapshot()
          while (!sweep.step(2)) {}
          return sweep.result()
        })
        expect(contents(restoreAll(next, to))).toEqual(model)
        expect(contents(subtasks)).toEqual(model)
      },
    ),
    { numRuns: 400 },
  )
})
