/** JSON as a person saves it: Windows puts a byte-order mark in front. @throws SyntaxError */
export function parseJson(text: string): unknown {
  return JSON.parse(text.replace(/^\uFEFF/, ''));
}
