import { EngineError } from '../../common/errors.ts'
import { VALUE_CODEC_ID } from '../../types/value-codec.ts'
import type { KeyedSchema, KeyedStateKind, StateSchema } from './keyed-schema.ts'

/**
 * The states of one operator: a name has one kind, and a position (its slot in every key's entry) that never changes
 * while the backend lives. States found in a snapshot stay, also those the job doesn't declare: nothing is dropped
 * silently.
 */
export class StateRegistry {
  readonly operatorId: string
  readonly #states: StateSchema[] = []
  readonly #slotByName = new Map<string, number>()
  readonly #onlyInSnapshot = new Set<string>()

  constructor(operatorId: string) {
    this.operatorId = operatorId
  }

  get count(): number {
    return this.#states.length
  }

  kindOf(slot: number): KeyedStateKind {
    return this.#states[slot]!.kind
  }

  nameOf(slot: number): string {
    return this.#states[slot]!.name
  }

  /** The slot of a state the job declares. Throws `STATE_KIND_CHANGED` when the name has another kind already. */
  declare(name: string, kind: KeyedStateKind): number {
    const slot = this.#slotByName.get(name)
    if (slot === undefined) return this.#add(name, kind)
    if (this.kindOf(slot) !== kind) {
      if (this.#onlyInSnapshot.has(name)) throw this.#kindChanged(name, this.kindOf(slot), kind)
      throw this.#declaredTwice(name, this.kindOf(slot), kind)
    }
    this.#onlyInSnapshot.delete(name)
    return slot
  }

  /** The slots of a snapshot's states, by position. Throws `STATE_KIND_CHANGED` when the job declares another kind. */
  adopt(schema: KeyedSchema): readonly number[] {
    return schema.states.map(({ name, kind }) => {
      const slot = this.#slotByName.get(name)
      if (slot === undefined) {
        this.#onlyInSnapshot.add(name)
        return this.#add(name, kind)
      }
      if (this.kindOf(slot) !== kind) throw this.#kindChanged(name, kind, this.kindOf(slot))
      return slot
    })
  }

  states(): readonly StateSchema[] {
    return [...this.#states]
  }

  #add(name: string, kind: KeyedStateKind): number {
    const slot = this.#states.length
    this.#states.push({ name, kind, codec: VALUE_CODEC_ID })
    this.#slotByName.set(name, slot)
    return slot
  }

  #kindChanged(name: string, stored: KeyedStateKind, declared: KeyedStateKind): EngineError {
    return new EngineError('STATE_KIND_CHANGED', {
      kind: 'invalid',
      message: `State '${name}' of operator '${this.operatorId}' is a ${stored} in the snapshot; the job declares a ${declared}.`,
      hint: `Declare it as a ${stored} again, or give the new state another name.`,
      details: { operatorId: this.operatorId, state: name, stored, declared },
    })
  }

  #declaredTwice(name: string, first: KeyedStateKind, second: KeyedStateKind): EngineError {
    return new EngineError('STATE_KIND_CHANGED', {
      kind: 'invalid',
      message: `Operator '${this.operatorId}' declares state '${name}' as a ${first} and again as a ${second}.`,
      hint: 'A name stands for one state in its operator: give the other one a name of its own.',
      details: { operatorId: this.operatorId, state: name, first, second },
    })
  }
}
