/** An application's module, ready to be loaded by this process and its threads. */
export interface PreparedApplication {
  /** A JavaScript module. */
  readonly moduleFile: string
  /** What the user named, for messages. */
  readonly shownAs: string
  /** The application's source files, for watching. */
  readonly inputs: readonly string[]
  /** Makes sure that the module is still there, before threads load it. */
  ensure(): void
}
