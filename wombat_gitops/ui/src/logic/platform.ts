/** What a browser tells of the machine it runs on; `arch` is "" where it cannot be known. */
export interface Host {
  os: string
  arch: string
}

interface HighEntropy {
  architecture?: string
  bitness?: string
  platform?: string
}

export interface BrowserFacts {
  userAgent: string
  maxTouchPoints: number
  userAgentData?: {
    mobile: boolean
    platform: string
    getHighEntropyValues(hints: string[]): Promise<HighEntropy>
  }
}

const OS_OF_HINT: Record<string, string> = { Linux: 'linux', Windows: 'windows', macOS: 'darwin' }

/** The visitor's platform, or null on phones, tablets and systems that nothing is built for. */
export async function detect(browser: BrowserFacts): Promise<Host | null> {
  const hints = browser.userAgentData
  if (!hints) return fromUserAgent(browser.userAgent, browser.maxTouchPoints)
  if (hints.mobile) return null
  const os = OS_OF_HINT[hints.platform]
  if (os === undefined) return fromUserAgent(browser.userAgent, browser.maxTouchPoints)
  try {
    const values = await hints.getHighEntropyValues(['architecture', 'bitness'])
    return { os, arch: archOfHint(values) }
  } catch {
    return { os, arch: '' }
  }
}

function archOfHint(values: HighEntropy): string {
  const names: Record<string, string> = { x86_64: 'amd64', x86_32: '386', arm_64: 'arm64', arm_32: 'arm' }
  return names[`${values.architecture ?? ''}_${values.bitness ?? ''}`] ?? ''
}

/** macOS says "Intel" on every machine, so its architecture stays open; a tablet may call itself a Mac. */
export function fromUserAgent(text: string, maxTouchPoints: number): Host | null {
  if (/Android|iPhone|iPad|iPod|Mobile/.test(text)) return null
  if (/Macintosh/.test(text)) return maxTouchPoints > 1 ? null : { os: 'darwin', arch: '' }
  if (/Windows/.test(text)) return { os: 'windows', arch: archOfText(text) }
  if (/FreeBSD/.test(text)) return { os: 'freebsd', arch: archOfText(text) }
  if (/Linux/.test(text)) return { os: 'linux', arch: archOfText(text) }
  return null
}

function archOfText(text: string): string {
  if (/aarch64|arm64/i.test(text)) return 'arm64'
  if (/armv[67]/i.test(text)) return 'arm'
  if (/x86_64|Win64|WOW64|x64|amd64/i.test(text)) return 'amd64'
  if (/i[3-6]86/.test(text)) return '386'
  return ''
}

/** `one`: this is it; `choose`: one of these, the visitor knows which; `none`: nothing for this system. */
export type Suggestion =
  | { kind: 'one'; platform: string }
  | { kind: 'choose'; platforms: string[] }
  | { kind: 'none'; os: string }

export function suggest(platforms: readonly string[], host: Host | null): Suggestion {
  if (host === null) return { kind: 'choose', platforms: [...platforms] }
  const sameOs = platforms.filter((platform) => platform.split('/')[0] === host.os)
  if (sameOs.length === 0) return { kind: 'none', os: host.os }
  if (host.arch === '') return { kind: 'choose', platforms: sameOs }
  const exact = sameOs.filter((platform) => platform.split('/')[1] === host.arch)
  if (exact.length === 0) return { kind: 'none', os: host.os }
  return exact.length === 1 && exact[0] ? { kind: 'one', platform: exact[0] } : { kind: 'choose', platforms: exact }
}

const OS_NAMES: Record<string, string> = { linux: 'Linux', darwin: 'macOS', windows: 'Windows', freebsd: 'FreeBSD' }
const ARCH_NAMES: Record<string, string> = { amd64: 'x86-64', arm64: 'ARM64', arm: 'ARM', '386': 'x86 32-bit' }
const MAC_NAMES: Record<string, string> = { amd64: 'Intel', arm64: 'Apple silicon' }

export function osName(os: string): string {
  return OS_NAMES[os] ?? os
}

/** "Linux x86-64", "macOS Apple silicon", "Linux ARM v7". */
export function platformName(platform: string): string {
  const [os = '', arch = '', variant = ''] = platform.split('/')
  const machine = (os === 'darwin' ? MAC_NAMES[arch] : undefined) ?? ARCH_NAMES[arch] ?? arch
  const suffix = variant === '' ? '' : ` ${/^\d/.test(variant) ? 'v' : ''}${variant}`
  return `${osName(os)} ${machine}${suffix}`
}
