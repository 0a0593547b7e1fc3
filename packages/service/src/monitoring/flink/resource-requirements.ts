import { badRequest } from './flink-error.ts'
import { type FlinkJob, requestedJob } from './flink-job.ts'
import type { FlinkHandler } from './flink-request.ts'
import { requestBody } from './request-body.ts'

/** `GET /jobs/:jobid/resource-requirements`: of each vertex, the parallelism it has. */
export const resourceRequirements: FlinkHandler = async (request) => {
  const { vertices } = await requestedJob(request)
  const bounds = vertices.map(({ node }) => [
    node.id,
    { parallelism: { lowerBound: node.parallelism, upperBound: node.parallelism } },
  ])
  return { json: Object.fromEntries(bounds) }
}

/**
 * `PUT /jobs/:jobid/resource-requirements`: scales the application to the highest upper bound. It has one parallelism for
 * all vertices that don't have one by the program.
 */
export const changeResourceRequirements: FlinkHandler = async (request) => {
  const job = await requestedJob(request)
  const parallelism = askedParallelism(job, requestBody(request))
  await request.context.lifecycle.scale(request.application, parallelism)
  return { json: {} }
}

function askedParallelism({ vertices }: FlinkJob, body: Readonly<Record<string, unknown>>): number {
  const bounds = Object.entries(body).map(([id, requirement]) => {
    if (!vertices.some(({ node }) => node.id === id)) throw badRequest(`The job has no vertex ${id}.`)
    const { parallelism } = (requirement ?? {}) as { parallelism?: { lowerBound?: unknown; upperBound?: unknown } }
    const { lowerBound = 1, upperBound } = parallelism ?? {}
    if (!isParallelism(lowerBound) || !isParallelism(upperBound) || lowerBound > upperBound) {
      throw badRequest(`The parallelism of vertex ${id} needs a lowerBound and an upperBound not below it.`)
    }
    return upperBound
  })
  if (bounds.length === 0) throw badRequest('There is no requirement of any vertex.')
  return Math.max(...bounds)
}

function isParallelism(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 0x7fff
}
