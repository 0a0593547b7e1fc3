import { newestJob } from './flink-job.ts'
import type { FlinkHandler } from './flink-request.ts'

/** What clients that look at the version are told: the release whose REST API this is. */
export const flinkVersion = '2.0.0'

/** `/overview` */
export const overview: FlinkHandler = async (request) => {
  const job = await newestJob(request)
  const lives = job !== undefined && job.endMs === -1
  const count = (...states: readonly string[]): number => (job !== undefined && states.includes(job.state) ? 1 : 0)
  return {
    json: {
      taskmanagers: lives ? 1 : 0,
      'slots-total': lives ? (job.details?.threads ?? 0) : 0,
      'slots-available': 0,
      'jobs-running': count('INITIALIZING', 'CREATED', 'RUNNING', 'RESTARTING', 'CANCELLING', 'FAILING'),
      'jobs-finished': count('FINISHED'),
      'jobs-cancelled': count('CANCELED'),
      'jobs-failed': count('FAILED'),
      'flink-version': flinkVersion,
      'flink-commit': 'millrace',
    },
  }
}

/** `/config`: what a dashboard may offer. */
export const dashboardConfig: FlinkHandler = async () => ({
  json: {
    'refresh-interval': 3000,
    'timezone-name': 'UTC',
    'timezone-offset': 0,
    'flink-version': flinkVersion,
    'flink-revision': 'millrace',
    features: { 'web-submit': false, 'web-cancel': true, 'web-rescale': false, 'web-history': false },
  },
})
