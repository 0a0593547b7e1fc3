import { parallelismOf } from '../applications/application-record.ts'
import type { Lifecycle } from '../applications/lifecycle.ts'
import type { StreamRegistry } from '../ingest/stream-registry.ts'
import type { InspectedJobs } from '../metrics/job-metrics.ts'
import type { ApplicationStore } from '../storage/application-store.ts'
import { JobSignals } from './job-signals.ts'
import { OwnStreamsProbe } from './own-streams-probe.ts'
import { PollingProbe, type PollingProbeParts } from './polling-probe.ts'
import { ScalingController, type ScalingControllerParts } from './scaling-controller.ts'

export interface ApplicationScalingParts extends PollingProbeParts {
  /** Those that this node looks after. */
  readonly applications: ScalingControllerParts['applications']
  readonly store: Pick<ApplicationStore, 'application'>
  readonly lifecycle: Pick<Lifecycle, 'scale' | 'hibernate' | 'wake' | 'splits' | 'log'>
  readonly jobs: Pick<InspectedJobs, 'of'>
  /** Those of this process where jobs find theirs here: undefined elsewhere. */
  readonly streams: Pick<StreamRegistry, 'get'> | undefined
}

/** Scaling and hibernation of a node's real applications: figures from their jobs, changes by their lifecycle. */
export function applicationScaling(parts: ApplicationScalingParts): ScalingController {
  const { applications, store, lifecycle, jobs, streams, account, clock, scheduler } = parts
  const own = streams === undefined ? [] : [new OwnStreamsProbe(streams, account, clock)]
  return new ScalingController({
    applications,
    signals: new JobSignals(jobs, parallelismOf),
    actions: {
      scale: (application, parallelism) => lifecycle.scale(application, parallelism),
      log: (application, level, message, fields) => lifecycle.log(application, level, message, fields),
    },
    hibernation: {
      hibernate: (application) => lifecycle.hibernate(application),
      wake: (application) => lifecycle.wake(application),
      isAsleep: ({ hibernatedSinceMs }) => hibernatedSinceMs !== undefined,
      application: (name) => store.application(name),
      splits: (application) => lifecycle.splits(application),
      probes: [...own, new PollingProbe(parts)],
    },
    clock,
    scheduler,
  })
}
