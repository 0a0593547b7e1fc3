import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { details, FlinkWorld, plan } from './flink-fixture.ts'
import { html } from './html.ts'

let world: FlinkWorld
beforeEach(() => {
  world = new FlinkWorld()
})

const page = async () => world.ask('GET', '/')

test('job, tasks, checkpoints and failures, with links to the JSON behind them', async () => {
  const { status, contentType, text, headers } = await page()
  expect({ status, contentType }).toEqual({ status: 200, contentType: 'text/html; charset=utf-8' })
  for (const part of ['totals-app', 'RUNNING', 'Sum -&#62; Sink', '90 %', '2023-11-14T22:13:20.000Z', 'too slow']) {
    expect(text).toContain(part)
  }
  expect(text).toContain('no such currency')
  const { jobs } = (await world.ask('GET', '/jobs')).json
  const links = [...text.matchAll(/href="([^"]*)"/g)].map(([, link]) => link as string)
  expect(links).toContain(`jobs/${jobs[0].id}/checkpoints/details/2`)
  for (const link of links) {
    const { status } = await world.ask('GET', `/${link}`)
    expect({ link, status }).toEqual({ link, status: 200 })
  }
  expect(headers).toMatchObject({ 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' })
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+';/)
})

test('an application without a job has a page too', async () => {
  world.shown.started = false
  expect((await page()).text).toContain('No job has run')
  world.shown.started = true
  Object.assign(world.shown, { plan: undefined, details: undefined, metrics: undefined })
  expect((await page()).text).toContain('INITIALIZING')
})

test('whatever an application calls its things, the page has the same elements', async () => {
  const elements = (text: string) => [...text.matchAll(/<[^>]*>/g)].map(([tag]) => tag)
  const usual = elements((await page()).text)
  const hostile = fc.oneof(
    fc.constantFrom('<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'&lt;", '</td></table>', '<!--'),
    fc.string({ unit: 'binary', maxLength: 30 }),
  )
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      const [first, second] = details.tasks as [(typeof details.tasks)[0], (typeof details.tasks)[0]]
      const exceptions = details.exceptions.map((one) => ({
        ...one,
        task: text,
        error: { ...one.error, message: text },
      }))
      world.shown.details = { ...details, name: text, tasks: [{ ...first, name: text }, second], exceptions }
      world.shown.plan = { ...plan, name: text }
      expect(elements((await page()).text)).toEqual(usual)
    }),
    { numRuns: 300 },
  )
})

test('values are text, in attributes too', () => {
  const value = `<a title="x" id='y'>&`
  expect(html`<p title="${value}">${value}${html`<b>${1}</b>`}</p>`.text).toBe(
    '<p title="&#60;a title=&#34;x&#34; id=&#39;y&#39;&#62;&#38;">&#60;a title=&#34;x&#34; id=&#39;y&#39;&#62;&#38;<b>1</b></p>',
  )
})
