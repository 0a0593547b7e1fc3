import {
  type Collector,
  type KeyedFunctionContext,
  type KeyedProcessContext,
  type KeyedProcessFunction,
  type OnTimerContext,
  outputTag,
  type ValueState,
  valueState,
} from '@millrace/engine'
import { type CardState, FORGET_AFTER_MS, judge } from './judge.ts'
import { type FlaggedRow, flaggedRow, type RejectedRow, tooOldRow } from './rows.ts'
import type { LoggedTransaction } from './transaction.ts'

export const flaggedTag = outputTag<FlaggedRow>('flagged')
export const tooOldTag = outputTag<RejectedRow>('too-old')

/**
 * Judges each transaction when it arrives, by what is remembered of its card.
 *
 * Out:    safe transactions; flagged ones and too old ones by side outputs.
 * State:  one `CardState` a card, forgotten when the watermark says that it was unseen for 30 days.
 */
export class JudgeCards implements KeyedProcessFunction<number, LoggedTransaction, LoggedTransaction> {
  #card!: ValueState<CardState>

  open(context: KeyedFunctionContext): void {
    this.#card = context.getState(valueState<CardState>('card'))
  }

  processElement(t: LoggedTransaction, context: KeyedProcessContext<number>, out: Collector<LoggedTransaction>): void {
    const before = this.#card.value()
    const { verdict, card } = judge(before ?? undefined, t)
    // A card with state has one timer.
    if (before === null) context.timers.registerEventTimeTimer(card.highestMs + FORGET_AFTER_MS)
    switch (verdict.kind) {
      case 'safe':
        this.#card.update(card)
        out.collect(t)
        return
      case 'flagged':
        this.#card.update(card)
        context.output(flaggedTag, flaggedRow(t, verdict.rules, verdict.evidence))
        return
      case 'too-old':
        context.output(tooOldTag, tooOldRow(t, verdict.highestMs))
    }
  }

  onTimer(timestampMs: number, context: OnTimerContext<number>): void {
    const card = this.#card.value()
    if (card === null) return
    const forgetAtMs = card.highestMs + FORGET_AFTER_MS
    if (forgetAtMs <= timestampMs) this.#card.clear()
    else context.timers.registerEventTimeTimer(forgetAtMs)
  }
}
