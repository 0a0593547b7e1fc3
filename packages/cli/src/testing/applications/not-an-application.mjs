/** Wrong: the default export isn't made by defineApplication. */
export default { name: 'something else' }
