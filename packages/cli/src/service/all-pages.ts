/** Reads a list that the service answers in pages, to its end. `itemsOf`: those of a page. */
export async function allPages<Page extends { readonly NextToken?: unknown }, Item>(
  ask: (NextToken: string | undefined) => Promise<Page>,
  itemsOf: (page: Page) => readonly Item[] | undefined,
): Promise<Item[]> {
  const items: Item[] = []
  let NextToken: string | undefined
  do {
    const page = await ask(NextToken)
    items.push(...(itemsOf(page) ?? []))
    NextToken = page.NextToken as string | undefined
  } while (NextToken !== undefined)
  return items
}
