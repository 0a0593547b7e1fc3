import { type ApplicationConfiguration, type ApplicationRecord, presentConfiguration } from './application-record.ts'

/** Amazon's default quota of KPUs an application. */
export const maxKpus = 64
/** What can't be divided further: the engine's maxParallelism unless an application sets another. */
export const maxParallelism = 256

type Parallelism = ApplicationConfiguration['parallelism']

/** Amazon's parallelism / parallelismPerKPU, rounded up. */
export function kpusOf({ parallelism, parallelismPerKpu }: Parallelism): number {
  return Math.ceil(parallelism / parallelismPerKpu)
}

/** KPUs an application has when it runs, with the parallelism that scaling has brought about. */
export function presentKpus(application: ApplicationRecord): number {
  return kpusOf(presentConfiguration(application).parallelism)
}

/** The greatest parallelism an application can be given. */
export function greatestParallelism(
  { parallelismPerKpu }: Pick<Parallelism, 'parallelismPerKpu'>,
  kpuLimit = maxKpus,
): number {
  return Math.min(maxParallelism, kpuLimit * parallelismPerKpu)
}
