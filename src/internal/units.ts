/** Durations, sizes, times and counts as text, the same in every verb and on the page. */

/** `70 ms`, `3.2 s`, `2 min 5 s`, `1 h 2 min`, `3 d 4 h`; `–` where there is no number. */
export const duration = (milliseconds: number): string => {
  if (!Number.isFinite(milliseconds)) return "–"
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const hours = Math.floor(seconds / 3600)
  if (hours < 48) return `${hours} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** `48 B`, `1.5 kB`, `2.1 MB`: powers of 1000. */
export const bytes = (count: number): string => {
  if (count < 1000) return `${count} B`
  const units = ["kB", "MB", "GB", "TB"]
  let value = count / 1000
  let unit = 0
  for (; value >= 999.95 && unit < units.length - 1; unit++) value /= 1000
  return `${value.toFixed(1)} ${units[unit]}`
}

const twoDigits = (value: number) => String(value).padStart(2, "0")

/** `16:05:09.120`, in local time. */
export const clock = (at: number): string => {
  const date = new Date(at)
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`
}

/** `2026-11-24 16:05:09`, in local time. */
export const dateTime = (at: number): string => {
  const date = new Date(at)
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())} ${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`
}

/** `1 task`, `5 tasks`. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`
