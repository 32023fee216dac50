import { describe, expect, it } from 'vitest'
import type { Artifact, Distribution, PlatformState } from '@/api/types'
import { byKind, componentPath, licenseWords, nativeKinds, pathOfComponent } from '@/logic/contents'
import { downloadOf, downloads } from '@/logic/downloads'

const artifact = (sha256: string, withdrawn = ''): Artifact => ({ sha256, size: 1, file_name: sha256, url: `/dl/${sha256}`, withdrawn })
const state = (made: Artifact | null, good: Artifact | null): PlatformState => ({
  platform: 'linux/amd64',
  state: 'succeeded',
  build: '',
  build_url: '',
  contents_url: null,
  artifact: made,
  last_good: good,
})
const distribution = (fields: Partial<Distribution>): Distribution => ({ version: '2.0.0', retired: false, versions: [], ...fields }) as Distribution

describe('what is withdrawn', () => {
  it('is not offered, and the one before is', () => {
    const versions = [
      { version: '2.0.0', date: '', artifacts: { 'linux/amd64': artifact('new', 'leaks') } },
      { version: '1.0.0', date: '', artifacts: { 'linux/amd64': artifact('old') } },
    ]
    const found = downloadOf(distribution({ versions }), state(artifact('new', 'leaks'), artifact('old')))
    expect([found?.artifact.sha256, found?.version, found?.old]).toEqual(['old', '1.0.0', true])
  })
  it('leaves nothing where all of it is', () => {
    expect(downloadOf(distribution({}), state(artifact('new', 'leaks'), null))).toBeNull()
    const versions = [{ version: '1.0.0', date: '', artifacts: { 'linux/amd64': artifact('old', 'leaks') } }]
    expect(downloads(distribution({ retired: true, platforms: [], versions }))).toEqual([])
  })
})

it('groups components by their kind', () => {
  const components = [
    { kind: 'input', name: 'file' },
    { kind: 'input', name: 'stdin' },
    { kind: 'rate-limit', name: 'local' },
    { kind: 'metrics', name: 'none' },
  ]
  expect(byKind(components).map(({ word, names }) => `${word}: ${names}`)).toEqual(['Inputs: file,stdin', 'Rate limits: local', 'Metrics: none'])
})

it('has a word for licences that nobody knows', () => {
  expect(licenseWords(['MIT', 'NOASSERTION'])).toBe('MIT, unknown')
  expect(licenseWords([])).toBe('')
})

it('says where native code comes from', () => {
  const code = (syso: string[], cgo: string[]) => ({ package: 'e.com/m/p', module: 'e.com/m', version: 'v1.0.0', replaces: '', syso, cgo })
  expect(nativeKinds([code(['a.syso'], []), code([], ['a.go'])])).toBe('.syso object files, C through cgo')
  expect(nativeKinds([code([], ['a.go'])])).toBe('C through cgo')
})

it('leads to the page of a component', () => {
  expect([componentPath('input', 'a/b'), pathOfComponent('rate-limit local')]).toEqual(['/components/input/a%2Fb', '/components/rate-limit/local'])
})
