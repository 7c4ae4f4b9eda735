/** Which processes of this host are alive: one that is gone holds no run and no file any more. */

/** Whether a process with this number is there. */
export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM" // it belongs to another user
  }
}
