import type { Shapes } from '../model/shapes.ts'
import { ApiError, invalidArgument } from '../wire/api-error.ts'

type RuntimeEnvironment = Shapes['ApplicationDetail']['RuntimeEnvironment']

/** Which runtimes a new or changed application may have: those that Amazon still takes. */
const runtimes: Record<RuntimeEnvironment, 'taken' | 'retired' | 'not a Flink application'> = {
  'SQL-1_0': 'not a Flink application',
  'FLINK-1_6': 'retired',
  'FLINK-1_8': 'retired',
  'FLINK-1_11': 'retired',
  'FLINK-1_13': 'taken',
  'FLINK-1_15': 'taken',
  'FLINK-1_18': 'taken',
  'FLINK-1_19': 'taken',
  'FLINK-1_20': 'taken',
  'FLINK-2_2': 'taken',
  'FLINK-2_3': 'taken',
  'ZEPPELIN-FLINK-1_0': 'not a Flink application',
  'ZEPPELIN-FLINK-2_0': 'not a Flink application',
  'ZEPPELIN-FLINK-3_0': 'not a Flink application',
}

/** Errors: `InvalidArgumentException` (retired), `UnsupportedOperationException` (SQL-1_0, Zeppelin). */
export function refuseRuntime(runtime: RuntimeEnvironment): void {
  const answer = runtimes[runtime]
  if (answer === 'retired') {
    throw invalidArgument(`RuntimeEnvironment ${runtime} is no longer taken. Use FLINK-1_20, FLINK-2_2 or FLINK-2_3.`)
  }
  if (answer === 'not a Flink application') {
    throw new ApiError('UnsupportedOperationException', `RuntimeEnvironment ${runtime} is not offered here.`)
  }
}
