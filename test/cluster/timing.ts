/** How soon the clusters of tests notice a death: much sooner than in earnest, and late enough for a busy machine. */

/** After this, others take over what a dead worker had. */
export const lockExpiration = "5 seconds"

/** Where a test waits for no death, and no worker may lose its work because a busy machine gave it no time. */
export const longLockExpiration = "9 seconds"

/**
 * After this, a worker continues the run of a silent driver, where a test waits for that. Drivers send a sign of life every
 * two seconds, and on a busy machine some are late.
 */
export const patience = "12 seconds"

/** Where a test waits for no driver's end. On a busy machine the process of the tests, a driver itself, was late by more. */
export const longPatience = "1 minute"
