/** Which files hold a table as text, by their names. It is a module of its own so that nobody loads DuckDB to find out. */

/** A format of text. */
export type Format = "csv" | "json"

/** The format of a text file, by its name; nothing for what must be Parquet. */
export const textFormat = (file: string): Format | undefined => {
  const name = /^s3:/i.test(file) ? file.replace(/\?.*$/s, "") : file // an object's address may name a server
  const [, extension] = /\.(csv|tsv|jsonl|ndjson)(?:\.gz)?$/i.exec(name) ?? []
  return extension === undefined ? undefined : /^[ct]sv$/i.test(extension) ? "csv" : "json"
}
