import { expect, test } from 'vitest'
import { run as runJavaScript } from './service-clients-javascript.ts'
import { run as replayTerraform } from './service-clients-terraform.ts'

const LIMIT_MS = 120_000

async function linesOf(run: (log: (line: string) => void) => Promise<void>): Promise<string[]> {
  const lines: string[] = []
  await run((line) => void lines.push(line))
  return lines
}

test(
  'an application lives its whole life through the AWS SDK for JavaScript, with every class of error on its way',
  async () => expect((await linesOf(runJavaScript))[1]).toBe('errors by class: 11'),
  LIMIT_MS,
)

test(
  "the waiters of Terraform's provider see no status that they don't know, and its plans stay empty",
  async () => expect((await linesOf(replayTerraform)).at(-1)).toMatch(/statuses seen: .*RUNNING/),
  LIMIT_MS,
)
