import { describe, expect, it } from 'vitest'
import { type BrowserFacts, detect, fromUserAgent, platformName, suggest } from '@/logic/platform'

const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15'
const ALL = ['darwin/amd64', 'darwin/arm64', 'linux/amd64', 'linux/arm64', 'windows/amd64']

function hinted(platform: string, architecture: string, bitness = '64', mobile = false): BrowserFacts {
  const getHighEntropyValues = () => Promise.resolve({ architecture, bitness })
  return { userAgent: MAC, maxTouchPoints: 0, userAgentData: { mobile, platform, getHighEntropyValues } }
}

describe('the user agent', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0', { os: 'linux', arch: 'amd64' }],
    ['Mozilla/5.0 (X11; Linux aarch64; rv:140.0) Firefox/140.0', { os: 'linux', arch: 'arm64' }],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/140.0', { os: 'windows', arch: 'amd64' }],
    ['Mozilla/5.0 (X11; FreeBSD amd64) Firefox/140.0', { os: 'freebsd', arch: 'amd64' }],
    ['Mozilla/5.0 (Linux; Android 15) Mobile Safari/537.36', null],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)', null],
  ])('%s', (text, host) => expect(fromUserAgent(text, 0)).toEqual(host))

  it('never tells the architecture of a Mac', () => expect(fromUserAgent(MAC, 0)).toEqual({ os: 'darwin', arch: '' }))
  it('of a tablet that calls itself a Mac is no Mac', () => expect(fromUserAgent(MAC, 5)).toBeNull())
})

describe('client hints', () => {
  it('know the architecture of a Mac', async () => {
    expect(await detect(hinted('macOS', 'arm'))).toEqual({ os: 'darwin', arch: 'arm64' })
  })
  it('of a phone are nothing to build for', async () => {
    expect(await detect(hinted('Android', '', '', true))).toBeNull()
  })
  it('that are empty leave the architecture open', async () => {
    expect(await detect(hinted('Linux', '', ''))).toEqual({ os: 'linux', arch: '' })
  })
})

describe('suggestions', () => {
  it('are one platform where everything is known', () => {
    expect(suggest(ALL, { os: 'linux', arch: 'arm64' })).toEqual({ kind: 'one', platform: 'linux/arm64' })
  })
  it('ask which Mac it is', () => {
    expect(suggest(ALL, { os: 'darwin', arch: '' })).toEqual({ kind: 'choose', platforms: ['darwin/amd64', 'darwin/arm64'] })
  })
  it('do not offer another architecture as if it fitted', () => {
    expect(suggest(ALL, { os: 'windows', arch: 'arm64' })).toEqual({ kind: 'none', os: 'windows' })
  })
  it('offer all to a phone', () => expect(suggest(ALL, null)).toEqual({ kind: 'choose', platforms: ALL }))
})

it.each([
  ['linux/amd64', 'Linux x86-64'],
  ['darwin/arm64', 'macOS Apple silicon'],
  ['linux/arm/7', 'Linux ARM v7'],
  ['plan9/mips', 'plan9 mips'],
])('%s is %s', (platform, name) => expect(platformName(platform)).toBe(name))
