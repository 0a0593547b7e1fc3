import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { planZones } from './zone-options.ts'

const key = { MILLRACE_ACCESS_KEY: 'f'.repeat(64) }

describe('store and zones of millrace serve', () => {
  test('a node by itself needs nothing', () => {
    expect(planZones({}, {})).toEqual({
      storeUrl: undefined,
      isShared: false,
      stateRoot: undefined,
      zone: 'default',
      nodeUrl: undefined,
      ownStreams: true,
      streamsUrl: undefined,
    })
    expect(planZones({ store: 'sqlite:/var/lib/m.db' }, {})).toMatchObject({ isShared: false, ownStreams: true })
  })

  test('several nodes share state and have no streams of their own', () => {
    const options = {
      zone: 'a',
      state: '/mnt/p',
      nodeUrl: 'http://10.0.0.1:7700',
      streamsUrl: 'http://10.0.0.9:7700',
    }
    const store = 'postgres://app:secret@db/flink'
    const plan = { ...options, storeUrl: store, isShared: true, stateRoot: '/mnt/p', ownStreams: false }
    const { state: _, ...expected } = plan
    expect(planZones(options, { MILLRACE_STORE: store, ...key })).toEqual(expected)
    expect(
      planZones({ ...options, store: 'postgres://app@db/flink' }, { MILLRACE_STORE: store, ...key }),
    ).toMatchObject({
      storeUrl: 'postgres://app@db/flink',
    })
  })

  test('state is in a folder or on S3', () => {
    expect(planZones({ state: 'state' }, {})).toMatchObject({ stateRoot: resolve('state') })
    expect(planZones({ state: 's3://bucket/prefix' }, {})).toMatchObject({ stateRoot: 's3://bucket/prefix' })
  })

  test('streams know what the nodes of a store run', () => {
    const store = 'postgres://app:secret@db/flink'
    const plan = { storeUrl: store, isShared: true, stateRoot: undefined, ownStreams: true }
    expect(planZones({ role: 'streams' }, { MILLRACE_STORE: store, ...key })).toMatchObject(plan)
    expect(planZones({ role: 'streams' }, {})).toMatchObject({ storeUrl: undefined, isShared: false, ownStreams: true })
  })

  test.each([
    [{ store: 'postgres://app:secret@db/flink', state: '/s' }, 'STORE_PASSWORD_VISIBLE'],
    [{ store: 'postgres://db/flink?password=secret', state: '/s' }, 'STORE_PASSWORD_VISIBLE'],
    [{ store: 'postgres://app@db/flink' }, 'STATE_MISSING'],
    [{ store: 'postgres://app@db/flink', state: '/s' }, 'ACCESS_KEY_MISSING'],
    [{ store: 'postgres://app@db/flink', role: 'streams' as const }, 'ACCESS_KEY_MISSING'],
    [{ store: 'sqlite:/m.db', role: 'streams' as const }, 'OPTION_UNFIT'],
    [{ state: '/s', role: 'streams' as const }, 'OPTION_UNFIT'],
    [{ state: 's3:///prefix' }, 'OPTION_UNFIT'],
    [{ state: 'gs://bucket/prefix' }, 'OPTION_UNFIT'],
    [{ nodeUrl: '10.0.0.1:7700' }, 'OPTION_UNFIT'],
    [{ streamsUrl: 'ftp://x' }, 'OPTION_UNFIT'],
  ])('%j is refused with %s, without its password', (options, code) => {
    let thrown: unknown
    try {
      planZones(options, {})
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code, kind: 'invalid' })
    expect(JSON.stringify(thrown) + (thrown as Error).message).not.toContain('secret')
  })
})
