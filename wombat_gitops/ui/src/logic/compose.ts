import type { Choices, Composition, Finding, PackageChoice, Wishes } from '@/api/compose'
import type { Distribution } from '@/api/types'

export const CORE = 'github.com/redpanda-data/benthos/v4'
export const CONNECT = 'github.com/redpanda-data/connect/v4'
const FOLDER = '/public/components/'
const FIRST_VERSION = '0.1.0'

/** What a person has chosen so far: the address of the page holds all of it. */
export interface Draft {
  name: string
  version: string
  benthos: string
  connect: string
  /** Other modules: version by path. */
  modules: Record<string, string>
  /** As they are in the address: short names of Benthos and Connect, else import paths. */
  packages: string[]
  /** None leaves it to what is usual. */
  platforms: string[]
  /** Packages that platforms go without, `package:platform`. */
  excluded: string[]
  tags: string[]
  cgo: boolean
  license: string
  description: string
  source: string
  /** The distribution that it began with. */
  from: string
}

export type Query = Record<string, string | null | (string | null)[] | undefined>

/** What an empty page begins with. */
export const START: Draft = {
  name: 'my-distribution',
  version: FIRST_VERSION,
  benthos: '',
  connect: '',
  modules: {},
  packages: ['io', 'pure'],
  platforms: [],
  excluded: [],
  tags: [],
  cgo: false,
  license: '',
  description: '',
  source: '',
  from: '',
}

function one(query: Query, key: string): string {
  const value = query[key]
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

function all(query: Query, key: string): string[] {
  const value = query[key]
  const values = Array.isArray(value) ? value : [value]
  return [...new Set(values.filter((each): each is string => typeof each === 'string' && each !== ''))]
}

/** Does the address say anything but where to begin? */
export function isUnchosen(query: Query): boolean {
  return Object.keys(query).every((key) => key === 'from' || key === 'source')
}

export function readDraft(query: Query): Draft {
  const source = one(query, 'source')
  const from = one(query, 'from')
  if (isUnchosen(query)) return { ...START, source, from }
  const modules = all(query, 'module').map((text): [string, string] => {
    const at = text.indexOf('@')
    return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
  })
  return {
    name: one(query, 'name'),
    version: one(query, 'version') || FIRST_VERSION,
    benthos: one(query, 'benthos'),
    connect: one(query, 'connect'),
    modules: Object.fromEntries(modules),
    packages: all(query, 'package'),
    platforms: all(query, 'platform'),
    excluded: all(query, 'exclude'),
    tags: all(query, 'tag'),
    cgo: one(query, 'cgo') === 'true',
    license: one(query, 'license'),
    description: one(query, 'description'),
    source,
    from,
  }
}

/** The question to the API: what is the usual is left out, so that addresses stay short. */
export function wishesOf(draft: Draft): Wishes {
  const modules = Object.entries(draft.modules).map(([path, version]) => `${path}@${version}`)
  return {
    ...(draft.name !== '' && { name: draft.name }),
    ...(draft.version !== FIRST_VERSION && { version: draft.version }),
    ...(draft.benthos !== '' && { benthos: draft.benthos }),
    ...(draft.connect !== '' && { connect: draft.connect }),
    ...(modules.length > 0 && { module: modules }),
    ...(draft.packages.length > 0 && { package: draft.packages }),
    ...(draft.platforms.length > 0 && { platform: draft.platforms }),
    ...(draft.excluded.length > 0 && { exclude: draft.excluded }),
    ...(draft.tags.length > 0 && { tag: draft.tags }),
    ...(draft.cgo && { cgo: true }),
    ...(draft.license !== '' && { license: draft.license }),
    ...(draft.description !== '' && { description: draft.description }),
    ...(draft.source !== '' && { source: draft.source }),
  }
}

/** The same as the address of the page. A name is always in it: without one the page would begin anew. */
export function writeDraft(draft: Draft): Record<string, string | string[]> {
  const { cgo, ...wishes } = wishesOf(draft)
  return {
    name: draft.name,
    ...(wishes as Record<string, string | string[]>),
    ...(cgo === true && { cgo: 'true' }),
    ...(draft.from !== '' && { from: draft.from }),
  }
}

/** The address of the API that answers *draft*. */
export function apiUrl(draft: Draft, path = '/api/v1/compose'): string {
  const { from: _, ...query } = writeDraft(draft)
  const pairs = Object.entries(query).flatMap(([key, value]) => [value].flat().map((each): [string, string] => [key, each]))
  return `${path}?${new URLSearchParams(pairs).toString()}`
}

/** What a distribution is made of, as choices; its name is left to the new one. */
export function fromDistribution(distribution: Distribution): Draft {
  const versions = Object.fromEntries(distribution.modules.map(({ path, version }) => [path, version]))
  const { [CORE]: benthos = '', [CONNECT]: connect = '', ...modules } = versions
  return {
    ...START,
    name: `my-${distribution.name}`.slice(0, 63).replace(/-+$/, ''),
    benthos,
    connect,
    modules,
    packages: distribution.packages.map(shortName),
    platforms: distribution.platforms.map(({ platform }) => platform),
    excluded: distribution.exclusions.flatMap(({ platforms, packages }) => packages.flatMap((path) => platforms.map((platform) => `${shortName(path)}:${platform}`))),
    tags: [...distribution.tags],
    cgo: distribution.cgo,
    license: distribution.license,
    description: distribution.description,
    source: '',
    from: distribution.name,
  }
}

/** What a distribution has besides that is not among the choices, in words. */
export function leftBehind(distribution: Distribution): string[] {
  return [
    ...(distribution.replaces.length > 0 ? ['replacements'] : []),
    ...(/^tests:/m.test(distribution.manifest) ? ['tests'] : []),
    ...(/^policy:/m.test(distribution.manifest) ? ['its policy'] : []),
  ]
}

const CORE_NAMES = new Set(['io', 'pure', 'pure/extended'])

/** A package as the address has it: short where that is clear. */
export function shortName(path: string): string {
  if (path.startsWith(`${CORE}${FOLDER}`)) return path.slice(CORE.length + FOLDER.length)
  const short = path.startsWith(`${CONNECT}${FOLDER}`) ? path.slice(CONNECT.length + FOLDER.length) : ''
  return short === '' || CORE_NAMES.has(short) ? path : short
}

export function isChosen(draft: Draft, choice: PackageChoice): boolean {
  return draft.packages.includes(shortName(choice.package)) || draft.packages.includes(choice.package)
}

/** *draft* with a package more or less, and with the module that it needs. */
export function toggled(draft: Draft, choice: PackageChoice, choices: Choices): Draft {
  const spellings = [shortName(choice.package), choice.package]
  const without = draft.packages.filter((each) => !spellings.includes(each))
  if (isChosen(draft, choice)) {
    const excluded = draft.excluded.filter((each) => !spellings.includes(each.slice(0, each.lastIndexOf(':'))))
    return withoutIdle({ ...draft, packages: without, excluded }, choice.module, choices)
  }
  const packages = [...without, shortName(choice.package)].sort()
  const version = choice.versions[0] ?? ''
  if (choice.module === CONNECT) return { ...draft, packages, connect: draft.connect || version }
  if (choice.module === CORE || choice.module in draft.modules) return { ...draft, packages }
  return { ...draft, packages, modules: { ...draft.modules, [choice.module]: version } }
}

/** A module of which nothing is chosen any more goes too. */
function withoutIdle(draft: Draft, module: string, choices: Choices): Draft {
  if (choices.packages.some((other) => other.module === module && isChosen(draft, other))) return draft
  if (module === CONNECT) return { ...draft, connect: '' }
  const { [module]: _, ...modules } = draft.modules
  return { ...draft, modules }
}

/** *draft* with a package left out on some platforms more. */
export function leftOut(draft: Draft, choice: PackageChoice, platforms: readonly string[]): Draft {
  const name = draft.packages.includes(choice.package) ? choice.package : shortName(choice.package)
  return { ...draft, excluded: [...new Set([...draft.excluded, ...platforms.map((platform) => `${name}:${platform}`)])].sort() }
}

/** A platform more or less; the first change starts with those that were usual. */
export function withPlatform(draft: Draft, platform: string, choices: Choices): Draft {
  const usual = choices.platforms.filter((each) => each.usual).map((each) => each.platform)
  const now = draft.platforms.length > 0 ? draft.platforms : usual
  const order = choices.platforms.map((each) => each.platform)
  const next = now.includes(platform) ? now.filter((each) => each !== platform) : [...now, platform]
  if (next.length === 0) return draft
  const excluded = draft.excluded.filter((each) => next.includes(each.slice(each.lastIndexOf(':') + 1)))
  return { ...draft, excluded, platforms: next.sort((one, two) => order.indexOf(one) - order.indexOf(two)) }
}

export function platformsOf(draft: Draft, choices: Choices): string[] {
  if (draft.platforms.length > 0) return draft.platforms
  return choices.platforms.filter((each) => each.usual).map((each) => each.platform)
}

export interface Found {
  choice: PackageChoice
  /** Components that match what is searched, "input kafka_franz". */
  components: string[]
}

/** Packages in which every word occurs: in the name, the path, a licence or a component. */
export function search(packages: readonly PackageChoice[], text: string): Found[] {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== '')
  if (words.length === 0) return packages.map((choice) => ({ choice, components: [] }))
  return packages.flatMap((choice) => {
    const components = Object.entries(choice.components).flatMap(([kind, names]) => names.map((name) => `${kind} ${name}`))
    const about = `${choice.package} ${choice.licenses.join(' ')}`.toLowerCase()
    const rest = words.filter((word) => !about.includes(word))
    const found = components.filter((component) => rest.every((word) => component.includes(word)))
    return rest.length === 0 ? [{ choice, components: [] }] : found.length > 0 ? [{ choice, components: found }] : []
  })
}

/** Groups by module, Benthos first. */
export function byModule(found: readonly Found[]): { module: string; word: string; items: Found[] }[] {
  const groups = new Map<string, Found[]>()
  for (const each of found) groups.set(each.choice.module, [...(groups.get(each.choice.module) ?? []), each])
  const rank = (module: string): number => (module === CORE ? 0 : module === CONNECT ? 1 : 2)
  return [...groups]
    .sort(([one], [two]) => rank(one) - rank(two) || one.localeCompare(two))
    .map(([module, items]) => ({ module, word: moduleWord(module), items }))
}

export function moduleWord(module: string): string {
  if (module === CORE) return 'Benthos'
  return module === CONNECT ? 'Redpanda Connect' : module
}

/** What stands in the way of a package, before it is even chosen; "" for nothing. */
export function obstacle(choice: PackageChoice, draft: Draft, choices: Choices): string {
  const lacking = [...choice.tags.filter((tag) => !draft.tags.includes(tag)).map((tag) => `build tag ${tag}`), ...(choice.cgo && !draft.cgo ? ['cgo'] : [])]
  if (lacking.length > 0) return `needs ${lacking.join(' and ')}`
  const nowhere = platformsOf(draft, choices).filter((platform) => choice.not_on.includes(platform))
  return nowhere.length > 0 ? `not on ${nowhere.join(', ')}` : ''
}

export interface Line {
  number: number
  parts: { text: string; severity: string }[]
  findings: Finding[]
}

/** The lines of a manifest, with what is marked in each and what is said about it. */
export function linesOf(composition: Composition): Line[] {
  const lines = composition.manifest.replace(/\n$/, '').split('\n')
  return lines.map((text, index) => {
    const findings = composition.findings.filter((finding) => finding.line === index + 1)
    return { number: index + 1, parts: marked(text, findings), findings }
  })
}

function marked(text: string, findings: readonly Finding[]): Line['parts'] {
  // Columns count characters, and JavaScript's strings count halves of some.
  const characters = [...text]
  const parts: Line['parts'] = []
  let at = 0
  const add = (to: number, severity: string): void => {
    if (to > at) parts.push({ text: characters.slice(at, to).join(''), severity })
    at = Math.max(at, to)
  }
  const places = findings.map(({ column, end_column: end, severity }) => ({ from: column - 1, to: Math.max(end - 1, column), severity }))
  for (const place of places.sort((one, two) => one.from - two.from)) {
    add(Math.min(place.from, characters.length), '')
    add(Math.min(place.to, characters.length), place.severity)
  }
  add(characters.length, '')
  return parts
}

/** Licences as one expression that a manifest may have; "" where none is known. */
export function expression(licenses: readonly string[]): string {
  return licenses.filter((name) => name !== 'NOASSERTION').join(' AND ')
}
