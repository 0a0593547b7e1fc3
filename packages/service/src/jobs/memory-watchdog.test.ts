import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { VirtualTime } from '@millrace/engine/testing'
import { expect, test } from 'vitest'
import { looksPerWalk, MemoryWatchdog, watchIntervalMs } from './memory-watchdog.ts'
import { linuxProcessMemory, type ProcessMemory } from './process-memory.ts'

/** Processes 1 and 2, of which the second was started by the first. */
class Machine implements ProcessMemory {
  resident: Record<number, number> = { 1: 10, 2: 10 }
  proportional: Record<number, number | undefined> = { 1: 5, 2: 5 }
  asked = 0
  walks = 0
  processes = [1, 2]
  tree = () => {
    this.walks++
    return this.processes
  }
  residentBytes = (pid: number) => this.resident[pid] ?? 0
  async proportionalBytes(pid: number) {
    this.asked++
    return this.proportional[pid]
  }
}

function watched() {
  const time = new VirtualTime()
  const machine = new Machine()
  const watchdog = new MemoryWatchdog(machine, time)
  const exceeded: { code: string; message: string; details: unknown }[] = []
  const watching = watchdog.watch(1, { limitBytes: 30, kpus: 2 }, (error) => void exceeded.push(error as never))
  return { time, machine, exceeded, watching, watchdog }
}

test('below its limit a process is only looked at in the cheap way', async () => {
  const { time, machine, exceeded } = watched()
  await time.advance(10 * watchIntervalMs)
  expect([machine.asked, exceeded]).toEqual([0, []])
})

test('far below its limit new processes are looked for at every fifth look, near it at each', async () => {
  const { time, machine, exceeded } = watched()
  machine.resident = { 1: 1, 2: 1, 3: 40 }
  machine.proportional = machine.resident
  // The second process is new at the first look.
  await time.advance((looksPerWalk + 1) * watchIntervalMs)
  expect(machine.walks).toBe(2)
  machine.processes = [1, 2, 3]
  await time.advance(watchIntervalMs)
  expect(exceeded).toHaveLength(1)
  expect(exceeded[0]).toMatchObject({ details: { usedBytes: 42, processes: 3 } })

  const near = watched()
  near.machine.resident = { 1: 16, 2: 1, 3: 40 }
  near.machine.proportional = near.machine.resident
  await near.time.advance(2 * watchIntervalMs)
  near.machine.processes = [1, 2, 3]
  await near.time.advance(watchIntervalMs)
  expect(near.exceeded).toHaveLength(1)
})

test('a known process that grows fast is caught at the next look', async () => {
  const { time, machine, exceeded } = watched()
  machine.resident = { 1: 1, 2: 1 }
  await time.advance(2 * watchIntervalMs)
  machine.resident = machine.proportional = { 1: 40, 2: 1 }
  await time.advance(watchIntervalMs)
  expect(exceeded).toHaveLength(1)
})

test('what is shared with others counts in part', async () => {
  const { time, machine, exceeded } = watched()
  machine.resident = { 1: 25, 2: 25 }
  await time.advance(3 * watchIntervalMs)
  expect([machine.asked, exceeded]).toEqual([6, []])
})

test('all its processes together exceed the limit, once', async () => {
  const { time, machine, exceeded } = watched()
  machine.resident = { 1: 25, 2: 25 }
  machine.proportional = { 1: 16, 2: 16 }
  await time.advance(3 * watchIntervalMs)
  expect(exceeded).toHaveLength(1)
  expect(exceeded[0]).toMatchObject({
    code: 'MEMORY_LIMIT_EXCEEDED',
    kind: 'unavailable',
    message: expect.stringContaining('2 KPUs may use'),
    details: { usedBytes: 32, limitBytes: 30, kpus: 2, processes: 2 },
  })
})

test('where the part of what is shared is not told, all of it counts', async () => {
  const { time, machine, exceeded } = watched()
  machine.resident = { 1: 25, 2: 25 }
  machine.proportional = {}
  await time.advance(watchIntervalMs)
  expect(exceeded[0]).toMatchObject({ details: { usedBytes: 50 } })
})

test('who is no longer watched is left alone', async () => {
  const { time, machine, exceeded, watching } = watched()
  machine.resident = machine.proportional = { 1: 25, 2: 25 }
  watching.cancel()
  await time.advance(3 * watchIntervalMs)
  expect(exceeded).toEqual([])
})

test.runIf(process.platform === 'linux')(
  "a process's children and memory are found, and nothing of one that is gone",
  async () => {
    const child = spawn('sh', ['-c', 'sleep 60 & echo ready; wait'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    })
    await once(child.stdout, 'data')
    const pid = child.pid as number
    try {
      const tree = linuxProcessMemory.tree(pid)
      expect(tree).toHaveLength(2)
      expect(linuxProcessMemory.tree(pid, process.getuid?.())).toEqual(expect.arrayContaining([...tree, process.pid]))
      for (const process of tree) {
        expect(linuxProcessMemory.residentBytes(process)).toBeGreaterThan(0)
        expect(await linuxProcessMemory.proportionalBytes(process)).toBeGreaterThan(0)
      }
    } finally {
      process.kill(-pid, 'SIGKILL')
      await once(child, 'exit')
    }
    expect(linuxProcessMemory.tree(pid)).toEqual([pid])
    expect(linuxProcessMemory.residentBytes(pid)).toBe(0)
    expect(await linuxProcessMemory.proportionalBytes(pid)).toBe(0)
  },
)
