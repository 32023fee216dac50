const PATIENCE = 3000
const ACTS = ['wheel', 'touchstart', 'pointerdown', 'keydown'] as const

/**
 * Waits until the page is so many pixels high, for some seconds: what stands on a page comes after the page.
 *
 * @returns false where somebody has begun to scroll or to act meanwhile.
 */
export function grownTo(height: number): Promise<boolean> {
  return new Promise((resolve) => {
    const ended = new AbortController()
    const watcher = new ResizeObserver(() => {
      if (document.documentElement.scrollHeight >= height) end(true)
    })
    const timer = setTimeout(() => end(true), PATIENCE)
    function end(undisturbed: boolean): void {
      watcher.disconnect()
      clearTimeout(timer)
      ended.abort()
      resolve(undisturbed)
    }
    for (const act of ACTS) addEventListener(act, () => end(false), { signal: ended.signal, passive: true })
    watcher.observe(document.body)
  })
}
