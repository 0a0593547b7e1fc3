import { type CheckpointEntry, type SubtaskCheckpoint, summarize } from '@millrace/engine/host'
import { describeSummary } from './checkpoints.ts'
import type { FlinkVertex } from './flink-job.ts'

/** A task's part in a checkpoint. */
export function describeTask(entry: CheckpointEntry, { task, details }: FlinkVertex) {
  const answers = answersOf(entry, task)
  const size = answers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return {
    id: entry.id,
    status: entry.status,
    latest_ack_timestamp: Math.max(-1, ...answers.map(({ acknowledgedMs }) => acknowledgedMs)),
    checkpointed_size: size,
    state_size: size,
    end_to_end_duration: Math.round(Math.max(-1, ...answers.map(({ durationMs }) => durationMs))),
    alignment_buffered: 0,
    processed_data: 0,
    persisted_data: 0,
    num_subtasks: details.parallelism,
    num_acknowledged_subtasks: answers.length,
  }
}

/** The same, subtask by subtask and summed up. */
export function describeTaskWithSubtasks(entry: CheckpointEntry, vertex: FlinkVertex) {
  const answers = answersOf(entry, vertex.task)
  const summary = (of: (answer: SubtaskCheckpoint) => number) => describeSummary(summarize(answers.map(of)))
  const none = describeSummary(summarize(answers.map(() => 0)))
  return {
    ...describeTask(entry, vertex),
    summary: {
      checkpointed_size: summary(({ sizeBytes }) => sizeBytes),
      state_size: summary(({ sizeBytes }) => sizeBytes),
      end_to_end_duration: summary(({ durationMs }) => durationMs),
      checkpoint_duration: { sync: summary(({ syncMs }) => syncMs), async: summary(({ asyncMs }) => asyncMs) },
      alignment: {
        buffered: none,
        processed: none,
        persisted: none,
        duration: summary(({ alignmentMs }) => alignmentMs),
      },
      start_delay: summary(({ startDelayMs }) => startDelayMs),
    },
    subtasks: vertex.details.subtasks.map(({ subtask: index }) =>
      describeSubtask(
        entry,
        index,
        answers.find(({ subtask }) => subtask === index),
      ),
    ),
  }
}

function describeSubtask({ status }: CheckpointEntry, index: number, answer: SubtaskCheckpoint | undefined) {
  if (answer === undefined) return { className: 'pending', index, status: 'pending_or_failed' }
  return {
    className: 'completed',
    index,
    status: 'completed',
    ack_timestamp: answer.acknowledgedMs,
    end_to_end_duration: Math.round(answer.durationMs),
    checkpointed_size: answer.sizeBytes,
    state_size: answer.sizeBytes,
    checkpoint: { sync: Math.round(answer.syncMs), async: Math.round(answer.asyncMs) },
    alignment: { buffered: 0, processed: 0, persisted: 0, duration: Math.round(answer.alignmentMs) },
    start_delay: Math.round(answer.startDelayMs),
    unaligned_checkpoint: false,
    aborted: status === 'FAILED',
  }
}

function answersOf({ answers = [] }: CheckpointEntry, task: number): readonly SubtaskCheckpoint[] {
  return answers.filter((answer) => answer.task === task)
}
