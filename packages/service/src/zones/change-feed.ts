/** Tells that something in the store has changed; it may tell too often, and now and then not at all. */
export interface ChangeFeed {
  start(onChange: () => void): void
  close(): Promise<void>
}
