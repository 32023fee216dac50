import { describe, expect, it } from 'vitest'
import { commandsFor } from '@/logic/commands'
import type { Download } from '@/logic/downloads'

const SHA = 'ab'.repeat(32)

function download(platform: string): Download {
  const artifact = { sha256: SHA, size: 1, file_name: 'tiny', url: '/dl/tiny/1.0.0/tiny', withdrawn: '' }
  return { platform, artifact, version: '1.0.0', old: false }
}

describe('commands', () => {
  it.each([
    ['linux/amd64', `echo '${SHA}  tiny' | sha256sum -c`],
    ['darwin/arm64', `echo '${SHA}  tiny' | shasum -a 256 -c`],
    ['freebsd/amd64', `echo '${SHA}  tiny' | shasum -a 256 -c`],
    ['windows/amd64', `(Get-FileHash -Algorithm SHA256 'tiny').Hash -eq '${SHA}'`],
  ])('verify a file for %s', (platform, command) => expect(commandsFor('tiny', download(platform), 'http://w')['verify'][0]?.command).toBe(command))

  it('name the version that is offered, and the platform', () => {
    const [curl, wombat] = commandsFor('tiny', download('linux/arm/7'), 'http://w').get
    expect(curl?.command).toBe('curl -fOJ http://w/dl/tiny/1.0.0/tiny')
    expect(wombat?.command).toBe('wombat --server http://w download tiny@1.0.0 --platform linux/arm/7')
  })
  it('lead to the newest by an address that stays', () => {
    const commands = commandsFor('tiny', download('linux/arm/7'), 'http://w').more.map((each) => each.command)
    expect(commands).toContain('curl -fLOJ http://w/dl/tiny/latest/linux/arm/7')
  })
  it('are those of the shell of the platform', () => {
    const windows = commandsFor('tiny', download('windows/amd64'), 'http://w')
    const all = [...windows.get, ...windows.verify, ...windows.more].map((each) => each.command).join('\n')
    expect(all).toContain('curl.exe ')
    expect(all).toContain('certutil -hashfile tiny SHA256')
    expect(all).not.toMatch(/chmod|sha256sum|xattr/)
  })
})
