import { describe, expect, test } from 'vitest'
import { listState, mapState, valueState } from '../../spi/state.ts'
import { keyGroupForKey, keyGroupRange } from '../../types/key-group.ts'
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts'
import type { StateSweep } from './heap-state-sweep.ts'
import type { KeyedSection } from './keyed-schema.ts'

const all = { start: 0, end: 255 }

function backend(range = all, maxParallelism = 256): HeapKeyedStateBackend {
  return new HeapKeyedStateBackend({ operatorId: 'cards', maxParallelism, range })
}

function finish(sweep: StateSweep): readonly KeyedSection[] {
  while (!sweep.step(1000)) {}
  return sweep.result()
}

function restored(sections: readonly KeyedSection[]): HeapKeyedStateBackend {
  const copy = backend()
  copy.restore(sections)
  return copy
}

describe('reading nothing', () => {
  test('gives null, an empty list, an empty map (ST-1)', () => {
    const state = backend()
    const value = state.getState(valueState<number>('v'))
    const list = state.getState(listState<number>('l'))
    const map = state.getState(mapState<string, number>('m'))
    state.setCurrentKey('a')
    expect(value.value()).toBeNull()
    expect(list.get()).toEqual([])
    expect(map.isEmpty()).toBe(true)
    expect(map.get('x')).toBeNull()
    expect(map.contains('x')).toBe(false)
    expect([...map.entries(), ...map.keys(), ...map.values()]).toEqual([])
    expect(state.keyCount).toBe(0)
  })

  test('without a key in hand is an error that says when state can be used', () => {
    const state = backend()
    const value = state.getState(valueState<number>('v'))
    const acts = [
      () => value.value(),
      () => value.update(1),
      () => value.clear(),
      () => state.currentKey(),
      () => state.currentKeyGroup(),
      () => state.timers('event').register(1, null),
    ]
    for (const act of acts) expect(act).toThrow(expect.objectContaining({ code: 'STATE_WITHOUT_KEY' }))
  })
})

describe('state of a key', () => {
  test('is kept apart from that of other keys and other states', () => {
    const state = backend()
    const one = state.getState(valueState<string>('one'))
    const two = state.getState(valueState<string>('two'))
    for (const key of ['a', 1, 1n, true, new Date(1), ['a', 1], ['a', null], Uint8Array.of(1)]) {
      state.setCurrentKey(key)
      expect(one.value()).toBeNull()
      one.update(String(key))
    }
    state.setCurrentKey(['a', 1])
    expect(one.value()).toBe('a,1')
    expect(two.value()).toBeNull()
    expect(state.keyCount).toBe(8)
  })

  test('is found by a key that is equal, not identical', () => {
    const state = backend()
    const value = state.getState(valueState<number>('v'))
    const pairs = [
      [-0, 0],
      [Number.NaN, Number.NaN],
      [new Date(7), new Date(7)],
      [Uint8Array.of(1, 2), Buffer.from([1, 2])],
      [['x', [1]], Object.freeze(['x', [1]])],
      ['\ud800', '\ufffd'],
    ]
    for (const [i, [put, get]] of pairs.entries()) {
      state.setCurrentKey(put)
      value.update(i)
      state.setCurrentKey(get)
      expect(value.value()).toBe(i)
    }
  })

  test('keeps its key when the caller changes the array it was made of', () => {
    const state = backend()
    const value = state.getState(valueState<number>('v'))
    const key = ['a', 1]
    state.setCurrentKey(key)
    value.update(1)
    key[0] = 'changed'
    expect(state.currentKey()).toEqual(['a', 1])
    const copy = restored(finish(state.snapshot()))
    copy.setCurrentKey(['a', 1])
    expect(copy.getState(valueState<number>('v')).value()).toBe(1)
  })

  test('leaves no trace once all of it is cleared', () => {
    const state = backend()
    const value = state.getState(valueState<number>('v'))
    const list = state.getState(listState<number>('l'))
    const map = state.getState(mapState<string, number>('m'))
    const windows = state.namespacedValue<number>('w')
    const lists = state.namespacedList<number>('wl')
    state.setCurrentKey('a')
    value.update(1)
    list.add(1)
    map.put('x', 1)
    windows.set(10, 1)
    lists.add(10, 1)
    expect(state.keyCount).toBe(1)
    value.update(null)
    list.update([])
    map.remove('x')
    windows.clear(10)
    expect(state.keyCount).toBe(1)
    lists.clear(10)
    expect(state.keyCount).toBe(0)
    value.update(2)
    expect(value.value()).toBe(2)
    expect(finish(state.snapshot()).map((each) => each.entryCount)).toEqual([1])
  })

  test('belongs to this subtask, or it is a bug', () => {
    const group = keyGroupForKey('a', 256)
    const state = backend({ start: group + 1, end: 255 })
    const value = state.getState(valueState<number>('v'))
    state.setCurrentKey('a')
    expect(() => value.update(1)).toThrow('state of a key lives in exactly one subtask')
    expect(() => state.timers('event').register(1, null)).toThrow(expect.objectContaining({ kind: 'bug' }))
  })

  test('has a current key and key group before it has anything', () => {
    const state = backend()
    state.setCurrentKey('a')
    expect(state.currentKey()).toBe('a')
    expect(state.currentKeyGroup()).toBe(keyGroupForKey('a', 256))
  })
})

describe('list state', () => {
  test('refuses null and undefined and keeps what it has (ST-2)', () => {
    const state = backend()
    const list = state.getState(listState<any>('l'))
    state.setCurrentKey('a')
    list.add(1)
    const refused = expect.objectContaining({ code: 'STATE_VALUE_INVALID', kind: 'application' })
    for (const act of [
      () => list.add(null),
      () => list.add(undefined),
      () => list.addAll([2, null]),
      () => list.update([2, undefined]),
      () => list.update(null as any),
    ]) {
      expect(act).toThrow(refused)
    }
    expect(list.get()).toEqual([1])
  })

  test('that was got stays as it was', () => {
    const state = backend()
    const list = state.getState(listState<number>('l'))
    state.setCurrentKey('a')
    list.addAll([1, 2])
    for (const each of list.get()) list.add(each + 10)
    const before = list.get()
    list.add(3)
    list.update([9])
    expect(before).toEqual([1, 2, 11, 12])
    expect(list.get()).toEqual([9])
  })
})

describe('map state', () => {
  test('keeps null keys and null values (ST-2), in order of insertion', () => {
    const state = backend()
    const map = state.getState(mapState<any, any>('m'))
    state.setCurrentKey('a')
    map.put('z', 1)
    map.put(null, 2)
    map.put(['t', 1], null)
    expect([...map.keys()]).toEqual(['z', null, ['t', 1]])
    expect([...map.entries()]).toEqual([
      ['z', 1],
      [null, 2],
      [['t', 1], null],
    ])
    expect(map.contains(['t', 1])).toBe(true)
    expect(map.get(['t', 1])).toBeNull()
    expect(() => map.put({} as any, 1)).toThrow("can't be used as a map key")
  })

  test('may be changed while it is walked', () => {
    const state = backend()
    const map = state.getState(mapState<number, number>('m'))
    state.setCurrentKey('a')
    for (let i = 0; i < 5; i++) map.put(i, i)
    for (const [key] of map.entries()) {
      map.remove(key)
      if (key === 1) map.put(100, 1)
    }
    expect(map.isEmpty()).toBe(true)
    expect(state.keyCount).toBe(0)
  })
})

test('namespaced state lists the namespaces of the key in hand', () => {
  const state = backend()
  const windows = state.namespacedValue<string>('w')
  const lists = state.namespacedList<string>('wl')
  state.setCurrentKey('a')
  windows.set(10, 'ten')
  windows.set(['session', 1], 's')
  lists.add(10, 'x')
  const before = lists.get(10)
  lists.add(10, 'y')
  expect(before).toEqual(['x'])
  expect(lists.get(10)).toEqual(['x', 'y'])
  expect(lists.get(11)).toEqual([])
  expect(windows.namespaces()).toEqual([10, ['session', 1]])
  expect(lists.namespaces()).toEqual([10])
  for (const each of windows.namespaces()) windows.clear(each)
  expect(windows.get(10)).toBeNull()
  expect(windows.namespaces()).toEqual([])
})

describe('a state name', () => {
  test('gives the same state again', () => {
    const state = backend()
    state.setCurrentKey('a')
    state.getState(valueState<number>('v')).update(5)
    expect(state.getState(valueState<number>('v')).value()).toBe(5)
  })

  test('stands for one kind in its operator', () => {
    const state = backend()
    state.getState(valueState<number>('v'))
    const changed = expect.objectContaining({ code: 'STATE_KIND_CHANGED', kind: 'invalid' })
    expect(() => state.getState(listState<number>('v'))).toThrow(changed)
    expect(() => state.namespacedValue('v')).toThrow(changed)
  })

  test.each(['before', 'after'])('keeps its kind from a snapshot when declared %s the restore', (when) => {
    const old = backend()
    old.setCurrentKey('a')
    old.getState(valueState<number>('seen')).update(1)
    const sections = finish(old.snapshot())
    const state = backend()
    const act = () => {
      if (when === 'after') state.restore(sections)
      state.getState(listState<number>('seen'))
      if (when === 'before') state.restore(sections)
    }
    expect(act).toThrow("State 'seen' of operator 'cards' is a value in the snapshot; the job declares a list.")
  })

  test('that the job no longer declares keeps its state in the next snapshot', () => {
    const old = backend()
    const gone = old.getState(valueState<number>('gone'))
    const stays = old.getState(valueState<number>('stays'))
    old.setCurrentKey('a')
    gone.update(1)
    stays.update(2)
    const between = restored(finish(old.snapshot()))
    between.setCurrentKey('a')
    between.getState(valueState<number>('stays')).update(3)
    const next = restored(finish(between.snapshot()))
    next.setCurrentKey('a')
    expect(next.getState(valueState<number>('gone')).value()).toBe(1)
    expect(next.getState(valueState<number>('stays')).value()).toBe(3)
  })
})

describe('a snapshot', () => {
  test('of a value that cannot be written names operator, state and path', () => {
    const state = backend()
    const value = state.getState(valueState<unknown>('profile'))
    state.setCurrentKey('a')
    value.update({ send: () => 1 })
    const sweep = state.snapshot()
    state.setCurrentKey('a')
    expect(() => sweep.step(10)).toThrow("State 'profile' of operator 'cards'")
    expect(() => sweep.step(10)).toThrow(
      expect.objectContaining({
        code: 'STATE_VALUE_UNSUPPORTED',
        kind: 'application',
        details: { path: '$.send', operatorId: 'cards', state: 'profile' },
      }),
    )
    sweep.abandon()
    state.setCurrentKey('a')
    value.update('fine')
    expect(finish(state.snapshot())).toHaveLength(1)
  })

  test('is one at a time, and may be abandoned', () => {
    const state = backend()
    const value = state.getState(valueState<number>('v'))
    for (let i = 0; i < 10; i++) {
      state.setCurrentKey(i)
      value.update(i)
    }
    const first = state.snapshot()
    first.step(3)
    expect(() => state.snapshot()).toThrow(expect.objectContaining({ kind: 'bug' }))
    first.abandon()
    first.abandon()
    expect(() => first.result()).toThrow(expect.objectContaining({ kind: 'bug' }))
    state.setCurrentKey(1)
    value.update(100)
    const copy = restored(finish(state.snapshot()))
    copy.setCurrentKey(1)
    expect(copy.getState(valueState<number>('v')).value()).toBe(100)
    expect(copy.keyCount).toBe(10)
  })

  test('ends although keys are added faster than it is written', () => {
    const state = backend()
    const value = state.getState(valueState<number>('v'))
    for (let i = 0; i < 100; i++) {
      state.setCurrentKey(i)
      value.update(i)
    }
    const sweep = state.snapshot()
    let steps = 0
    for (let next = 100; !sweep.step(1); steps++) {
      for (let i = 0; i < 10; i++) {
        state.setCurrentKey(next)
        value.update(next++)
      }
    }
    expect(steps).toBeLessThanOrEqual(100)
    expect(restored(sweep.result()).keyCount).toBe(100)
  })

  test('has no result before it is written', () => {
    const state = backend()
    expect(() => state.snapshot().result()).toThrow(expect.objectContaining({ kind: 'bug' }))
  })
})

describe('a restore', () => {
  function someSections(): readonly KeyedSection[] {
    const state = backend()
    state.setCurrentKey('a')
    state.getState(valueState<string>('v')).update('text')
    state.getState(mapState<string, number[]>('m')).put('x', [1, 2])
    state.timers('event').register(5, null)
    return finish(state.snapshot())
  }

  test('refuses another maxParallelism', () => {
    expect(() => backend({ start: 0, end: 127 }, 128).restore(someSections())).toThrow(
      expect.objectContaining({ code: 'MAX_PARALLELISM_MISMATCH', kind: 'invalid' }),
    )
  })

  test('takes the key groups of its range only', () => {
    const group = keyGroupForKey('a', 256)
    const other = backend(keyGroupRange(group < 128 ? 1 : 0, 2, 256))
    other.restore(someSections())
    expect(other.keyCount).toBe(0)
    expect(other.timers('event').size).toBe(0)
  })

  test('refuses a key in the section of another key group', () => {
    const [section] = someSections()
    const keyGroup = (section!.keyGroup + 1) % 256
    expect(() => restored([{ ...section!, keyGroup }])).toThrow(
      expect.objectContaining({ code: 'STATE_CORRUPT', kind: 'corrupt' }),
    )
  })

  test('refuses the state of a key twice', () => {
    const sections = someSections()
    expect(() => restored([...sections, ...sections])).toThrow('a second time')
  })

  test('refuses every cut of a section', () => {
    const [section] = someSections()
    for (let size = 0; size < section!.bytes.length; size++) {
      expect(() => restored([{ ...section!, bytes: section!.bytes.subarray(0, size) }])).toThrow(
        expect.objectContaining({ code: 'STATE_CORRUPT' }),
      )
    }
    expect(restored([section!]).keyCount).toBe(1)
  })
})
