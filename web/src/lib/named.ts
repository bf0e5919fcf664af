// The :names of a statement, as the server finds them: not in quotes, in comments, or after another colon, as in a cast.

export function namesIn(sql: string): string[] {
  const found = sql.matchAll(/'[^']*'?|"[^"]*"?|--[^\n]*|\/\*[^]*?(?:\*\/|$)|::|:([A-Za-z_][A-Za-z_0-9]*)/g);
  return [...new Set([...found].flatMap((m) => (m[1] ? [m[1]] : [])))];
}
