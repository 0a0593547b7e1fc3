import { createHash } from 'node:crypto'
import { presentKpus } from '../../applications/kpus.ts'
import type { MetricsEvent } from '../../launchers/index.ts'
import { notFound } from './flink-error.ts'
import { type FlinkJob, newestJob } from './flink-job.ts'
import type { FlinkHandler, FlinkRequest } from './flink-request.ts'
import { answerMetrics } from './metric-list.ts'

/** Where all subtasks are. */
export const host = 'localhost'

/** The job's process is its only task manager. */
export function taskManagerId({ id }: FlinkJob): string {
  return createHash('sha256').update(`task manager of ${id}`).digest('hex').slice(0, 32)
}

/** `/taskmanagers` */
export const taskManagers: FlinkHandler = async (request) => {
  const job = await newestJob(request)
  return { json: { taskmanagers: job === undefined || job.endMs !== -1 ? [] : [await describe(job, request)] } }
}

/** `/taskmanagers/:taskmanagerid` */
export const taskManager: FlinkHandler = async (request) => {
  const job = await ownJob(request)
  const { resource, ...description } = await describe(job, request).then((one) => ({
    ...one,
    resource: one.totalResource,
  }))
  const figures = processFigures(await job.inspection.metrics())
  return {
    json: {
      ...description,
      allocatedSlots: [{ jobId: job.id, resource }],
      metrics: {
        heapUsed: figures['Status.JVM.Memory.Heap.Used'] ?? -1,
        heapCommitted: figures['Status.JVM.Memory.Heap.Used'] ?? -1,
        heapMax: figures['Status.JVM.Memory.Heap.Max'] ?? -1,
        nonHeapUsed: figures['Status.JVM.Memory.NonHeap.Used'] ?? -1,
        nonHeapCommitted: -1,
        nonHeapMax: -1,
        directCount: 0,
        directUsed: 0,
        directMax: 0,
        mappedCount: 0,
        mappedUsed: 0,
        mappedMax: 0,
        memorySegmentsAvailable: 0,
        memorySegmentsTotal: 0,
        nettyShuffleMemorySegmentsAvailable: 0,
        nettyShuffleMemorySegmentsUsed: 0,
        nettyShuffleMemorySegmentsTotal: 0,
        nettyShuffleMemoryAvailable: 0,
        nettyShuffleMemoryUsed: 0,
        nettyShuffleMemoryTotal: 0,
        garbageCollectors: garbageCollectors(figures),
      },
    },
  }
}

/** `/taskmanagers/:taskmanagerid/metrics?get=` */
export const taskManagerMetrics: FlinkHandler = async (request) => {
  const job = await ownJob(request)
  return { json: answerMetrics(processFigures(await job.inspection.metrics()), request.query) }
}

/** Of a path's first parameter. Errors: 404. */
export async function ownJob(request: FlinkRequest): Promise<FlinkJob> {
  const id = request.path[0] ?? ''
  const job = await newestJob(request)
  if (job !== undefined && job.endMs === -1 && taskManagerId(job) === id.toLowerCase()) return job
  throw notFound(`TaskExecutor ${id} not found.`)
}

/** The process's figures under Flink's names; none when it doesn't tell. */
export function processFigures(metrics: MetricsEvent | undefined): Record<string, number> {
  if (metrics === undefined) return {}
  const { process, threads } = metrics
  const all = [process.main, ...threads]
  const sum = (of: (thread: (typeof all)[number]) => number): number => all.reduce((total, one) => total + of(one), 0)
  return {
    'Status.JVM.Memory.Heap.Used': sum(({ heapUsedBytes }) => heapUsedBytes),
    'Status.JVM.Memory.Heap.Max': sum(({ heapLimitBytes }) => heapLimitBytes),
    'Status.JVM.Memory.NonHeap.Used': sum(({ externalBytes }) => externalBytes),
    'Status.JVM.Memory.Resident.Used': process.residentBytes,
    // Nanoseconds, as Flink has it.
    'Status.JVM.CPU.Time': process.cpuTimeMs * 1e6,
    'Status.JVM.GarbageCollector.All.Count': sum(({ gcCount }) => gcCount),
    'Status.JVM.GarbageCollector.All.Time': sum(({ gcTimeMs }) => gcTimeMs),
    ...(process.threadCount === null ? {} : { 'Status.JVM.Threads.Count': process.threadCount }),
  }
}

function garbageCollectors(figures: Readonly<Record<string, number>>) {
  const count = figures['Status.JVM.GarbageCollector.All.Count']
  const time = figures['Status.JVM.GarbageCollector.All.Time']
  return count === undefined || time === undefined ? [] : [{ name: 'V8', count, time: Math.round(time) }]
}

async function describe(job: FlinkJob, { application }: FlinkRequest) {
  const slots = job.details?.threads ?? 1
  const kpus = presentKpus(application)
  const metrics = await job.inspection.metrics()
  const heapMax = processFigures(metrics)['Status.JVM.Memory.Heap.Max'] ?? 0
  const mebibytes = (bytes: number): number => Math.round(bytes / 1048576)
  const total = {
    cpuCores: kpus,
    taskHeapMemory: mebibytes(heapMax),
    taskOffHeapMemory: 0,
    managedMemory: 0,
    networkMemory: 0,
    extendedResources: {},
  }
  return {
    id: taskManagerId(job),
    path: host,
    dataPort: -1,
    jmxPort: -1,
    // It answers over the control connection, which ends with it.
    timeSinceLastHeartbeat: job.nowMs,
    slotsNumber: slots,
    freeSlots: 0,
    totalResource: total,
    freeResource: { ...total, cpuCores: 0, taskHeapMemory: 0 },
    hardware: { cpuCores: kpus, physicalMemory: kpus * 4 * 2 ** 30, freeMemory: heapMax, managedMemory: 0 },
    memoryConfiguration: {
      frameworkHeap: 0,
      taskHeap: heapMax,
      frameworkOffHeap: 0,
      taskOffHeap: 0,
      networkMemory: 0,
      managedMemory: 0,
      jvmMetaspace: 0,
      jvmOverhead: 0,
      totalFlinkMemory: heapMax,
      totalProcessMemory: kpus * 4 * 2 ** 30,
    },
    blocked: false,
  }
}
