import { describe, expect, it } from 'vitest'
import type { Distribution } from '@/api/types'
import type { VersionDetail } from '@/api/versions'
import { cellOf, columnsOf } from '@/logic/grid'

const DISTRIBUTION = { platforms: ['linux/amd64', 'linux/arm64', 'darwin/amd64', 'darwin/arm64'].map((platform) => ({ platform })) } as Distribution
const OLD = { platforms: { 'windows/386': {}, 'linux/amd64': {} } } as unknown as VersionDetail

describe('columns', () => {
  it('are those of the manifest, then those that only older versions have', () => {
    expect(columnsOf(DISTRIBUTION, [OLD], null)).toEqual({
      platforms: ['linux/amd64', 'linux/arm64', 'darwin/amd64', 'darwin/arm64', 'windows/386'],
      own: '',
    })
  })
  it('begin with the machine of the visitor', () => {
    const { platforms, own } = columnsOf(DISTRIBUTION, [], { os: 'linux', arch: 'arm64' })
    expect([platforms[0], own]).toEqual(['linux/arm64', 'linux/arm64'])
  })
  it('never guess which Mac it is', () => {
    const { platforms, own } = columnsOf(DISTRIBUTION, [], { os: 'darwin', arch: '' })
    expect([platforms.slice(0, 2), own]).toEqual([['darwin/amd64', 'darwin/arm64'], ''])
  })
  it('stay as they are for a system that nothing is built for', () => {
    expect(columnsOf(DISTRIBUTION, [], { os: 'freebsd', arch: 'amd64' }).platforms[0]).toBe('linux/amd64')
  })
})

describe('a cell', () => {
  const artifact = { sha256: 'ab', size: 3, file_name: 'tiny', url: '/dl/x', withdrawn: '' }
  const built = { state: 'succeeded', build: 'b1', build_url: '', contents_url: null, cause: '', artifact }
  it('is a file, and says where it is the last good one', () => {
    expect(cellOf(built, 'ab')).toEqual({ kind: 'file', url: '/dl/x', file: 'tiny', size: 3, sha256: 'ab', last: true })
    expect(cellOf(built, '')).toMatchObject({ last: false })
  })
  it('leads to nothing that is withdrawn', () => {
    expect(cellOf({ ...built, artifact: { ...artifact, withdrawn: 'leaks' } }, '')).toEqual({ kind: 'withdrawn', why: 'leaks' })
  })
  it('is a build with its cause where there is no file', () => {
    const failed = { ...built, state: 'failed', artifact: null, cause: 'm: undefined' }
    expect(cellOf(failed, '')).toEqual({ kind: 'build', id: 'b1', state: 'failed', cause: 'm: undefined' })
  })
  it('is empty where nothing was built', () => expect(cellOf(undefined, '')).toEqual({ kind: 'none' }))
})
