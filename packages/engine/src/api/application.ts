import type { StreamExecutionEnvironment } from './environment.ts'

/** Groups of settings, as the service hands them to an application (`application_properties.json`). */
export type PropertyGroups = Readonly<Record<string, Readonly<Record<string, string>>>>

/** What an application is built with: captured once by the coordinator, the same on every thread. */
export interface ApplicationContext {
  /** By property group id; a group that wasn't given is missing. */
  readonly properties: PropertyGroups
  /** Command-line arguments behind `--`. */
  readonly args: readonly string[]
  /** Plain values handed in by a program that runs the application itself. */
  readonly parameters: Readonly<Record<string, unknown>>
}

export interface ApplicationDefinition {
  readonly name: string
  /**
   * Declares sources, operators and sinks. Synchronous, and the same graph every time it is called: it runs on every thread.
   * Clients and connections are made by connectors when they open, not here.
   */
  build(env: StreamExecutionEnvironment, context: ApplicationContext): void
}

const APPLICATION = Symbol.for('millrace.application')

/** An application module's default export. */
export interface Application extends ApplicationDefinition {
  readonly [APPLICATION]: true
}

/**
 * Declares an application: `export default defineApplication({ name, build(env, ctx) { … } })`.
 * `millrace run app.ts`, the service and other runtimes load the module and call `build`.
 */
export function defineApplication(definition: ApplicationDefinition): Application {
  return { ...definition, [APPLICATION]: true }
}

/** Whether a value came from `defineApplication`, of this copy of the package or another. */
export function isApplication(value: unknown): value is Application {
  return typeof value === 'object' && value !== null && APPLICATION in value
}
