import { describe, expect, it } from 'vitest'
import type { Choices, Composition, PackageChoice } from '@/api/compose'
import type { Distribution } from '@/api/types'
import { apiUrl, byModule, CONNECT, CORE, type Draft, expression, fromDistribution, isChosen, leftOut, linesOf, obstacle, readDraft, search, shortName, START, toggled, withPlatform, writeDraft } from '@/logic/compose'

const OWN = 'example.com/plugins'

function choice(module: string, name: string, more: Partial<PackageChoice> = {}): PackageChoice {
  return { package: `${module}/public/components/${name}`, name, module, versions: ['v1.2.0'], components: {}, licenses: ['MIT'], tags: [], cgo: false, not_on: [], ...more }
}

const IO = choice(CORE, 'io', { components: { input: ['stdin'], output: ['stdout'] } })
const KAFKA = choice(CONNECT, 'kafka', { versions: ['v4.105.0'], components: { input: ['kafka', 'kafka_franz'] }, licenses: ['Apache-2.0'] })
const CONNECT_IO = choice(CONNECT, 'io')
const LAMP = choice(OWN, 'lamp', { tags: ['lit'], not_on: ['linux/arm/7'] })
const CHOICES: Choices = {
  modules: [],
  packages: [IO, KAFKA, CONNECT_IO, LAMP],
  platforms: [
    { platform: 'darwin/arm64', usual: true, distributions: 0 },
    { platform: 'linux/amd64', usual: true, distributions: 1 },
    { platform: 'linux/arm/7', usual: false, distributions: 0 },
  ],
  sources: [],
}
const FULL: Draft = {
  name: 'edge',
  version: '1.0.0',
  benthos: 'v4.77.0',
  connect: 'v4.105.0',
  modules: { [OWN]: 'v1.2.0' },
  packages: ['io', 'kafka', LAMP.package],
  platforms: ['linux/amd64'],
  excluded: ['kafka:linux/amd64'],
  tags: ['lit'],
  cgo: true,
  license: 'MIT AND Apache-2.0',
  description: 'a & b = "c"',
  source: 'main',
  from: 'tiny',
}

describe('a draft in an address', () => {
  it('comes back as it was', () => {
    expect(readDraft(writeDraft(FULL))).toEqual(FULL)
    expect(readDraft(writeDraft({ ...START, packages: [] }))).toEqual({ ...START, packages: [] })
    expect(readDraft(writeDraft({ ...START, name: '' }))).toEqual({ ...START, name: '' })
  })
  it('begins with something that is valid', () => {
    expect(readDraft({})).toEqual(START)
    expect(readDraft({ from: 'tiny' })).toEqual({ ...START, from: 'tiny' })
  })
  it('asks the API for no parameter that it does not know', () => {
    const url = new URL(apiUrl(FULL), 'http://localhost')
    expect(url.searchParams.getAll('package')).toEqual(FULL.packages)
    expect(url.searchParams.get('module')).toBe(`${OWN}@v1.2.0`)
    expect(url.searchParams.has('from')).toBe(false)
  })
})

describe('packages', () => {
  it('have short names where these are clear', () => {
    expect(shortName(IO.package)).toBe('io')
    expect(shortName(KAFKA.package)).toBe('kafka')
    expect(shortName(CONNECT_IO.package)).toBe(CONNECT_IO.package)
    expect(shortName(LAMP.package)).toBe(LAMP.package)
  })
  it('bring their module and take it along when they go', () => {
    const more = toggled(toggled(START, KAFKA, CHOICES), LAMP, CHOICES)
    expect(more).toMatchObject({ connect: 'v4.105.0', modules: { [OWN]: 'v1.2.0' } })
    expect(isChosen(more, KAFKA)).toBe(true)
    const less = toggled(toggled(more, KAFKA, CHOICES), LAMP, CHOICES)
    expect(less).toEqual(START)
  })
  it('keep a version that was chosen before', () => {
    expect(toggled({ ...START, connect: 'v4.100.0' }, KAFKA, CHOICES).connect).toBe('v4.100.0')
  })
  it('are found by name, licence and component', () => {
    const names = (text: string): string[] => search(CHOICES.packages, text).map((found) => found.choice.name)
    expect(names('kafka')).toEqual(['kafka'])
    expect(names('input franz')).toEqual(['kafka'])
    expect(names('apache')).toEqual(['kafka'])
    expect(names('nothing such')).toEqual([])
    expect(search(CHOICES.packages, 'kafka_franz')[0]?.components).toEqual(['input kafka_franz'])
    expect(byModule(search(CHOICES.packages, '')).map((group) => group.word)).toEqual(['Benthos', 'Redpanda Connect', OWN])
  })
  it('are left out on platforms until they or the platforms go', () => {
    const out = leftOut({ ...toggled(START, LAMP, CHOICES), platforms: ['linux/amd64', 'linux/arm/7'] }, LAMP, ['linux/arm/7'])
    expect(out.excluded).toEqual([`${LAMP.package}:linux/arm/7`])
    expect(toggled(out, LAMP, CHOICES).excluded).toEqual([])
    expect(withPlatform(out, 'linux/arm/7', CHOICES).excluded).toEqual([])
  })
  it('tell what stands in their way', () => {
    expect(obstacle(LAMP, START, CHOICES)).toBe('needs build tag lit')
    expect(obstacle(LAMP, { ...START, tags: ['lit'] }, CHOICES)).toBe('')
    expect(obstacle(LAMP, { ...START, tags: ['lit'], platforms: ['linux/arm/7'] }, CHOICES)).toBe('not on linux/arm/7')
  })
})

describe('platforms', () => {
  it('begin with the usual ones and are never none', () => {
    expect(withPlatform(START, 'linux/arm/7', CHOICES).platforms).toEqual(['darwin/arm64', 'linux/amd64', 'linux/arm/7'])
    expect(withPlatform(START, 'darwin/arm64', CHOICES).platforms).toEqual(['linux/amd64'])
    expect(withPlatform(FULL, 'linux/amd64', CHOICES)).toBe(FULL)
  })
})

describe('a manifest', () => {
  const finding = { rule: 'WOM-070', severity: 'error', message: 'no', hint: '', line: 2, column: 4, end_column: 6, pointer: '', help_url: '' }
  it('has marks where something is wrong, counted in characters', () => {
    const composition = { manifest: 'a: b\n𝒳: 12345\n', findings: [finding] } as unknown as Composition
    const [first, second] = linesOf(composition)
    expect(first).toEqual({ number: 1, parts: [{ text: 'a: b', severity: '' }], findings: [] })
    expect(second?.parts).toEqual([
      { text: '𝒳: ', severity: '' },
      { text: '12', severity: 'error' },
      { text: '345', severity: '' },
    ])
    expect(second?.findings).toEqual([finding])
  })
  it('has one mark for two problems at one place', () => {
    const composition = { manifest: 'a\nbcdefgh\n', findings: [finding, { ...finding, message: 'also' }] } as unknown as Composition
    expect(linesOf(composition)[1]?.parts.map((part) => part.text)).toEqual(['bcd', 'ef', 'gh'])
  })
  it('has an expression of licences', () => {
    expect(expression(['Apache-2.0', 'MIT', 'NOASSERTION'])).toBe('Apache-2.0 AND MIT')
  })
})

it('begins with a distribution', () => {
  const distribution = {
    name: 'tiny',
    description: 'small',
    license: 'MIT',
    modules: [{ path: CORE, version: 'v4.76.0' }, { path: CONNECT, version: 'v4.104.0' }, { path: OWN, version: 'v1.0.0' }],
    packages: [IO.package, KAFKA.package, LAMP.package],
    platforms: [{ platform: 'linux/amd64' }],
    tags: ['lit'],
    cgo: false,
    exclusions: [{ platforms: ['linux/arm/7'], packages: [LAMP.package], reason: '' }],
  } as unknown as Distribution
  expect(fromDistribution(distribution)).toMatchObject({
    name: 'my-tiny',
    benthos: 'v4.76.0',
    connect: 'v4.104.0',
    modules: { [OWN]: 'v1.0.0' },
    packages: ['io', 'kafka', LAMP.package],
    platforms: ['linux/amd64'],
    excluded: [`${LAMP.package}:linux/arm/7`],
    from: 'tiny',
  })
})
