import { describe, expect, it } from 'vitest'
import type { ComponentField } from '@/api/components'
import { fieldTree, flatten, kindName, typeWords } from '@/logic/components'
import { skeleton } from '@/logic/skeleton'

const field = (path: string, given: Partial<ComponentField> = {}): ComponentField => ({
  path,
  name: path.split('.').pop() ?? path,
  type: 'string',
  kind: 'scalar',
  description: '',
  default: null,
  optional: false,
  required: false,
  advanced: false,
  deprecated: false,
  interpolated: false,
  bloblang: false,
  secret: false,
  options: [],
  examples: [],
  version: '',
  ...given,
})
const config = (kind: string, fields: ComponentField[], full = false): string => skeleton({ kind, name: 'thing', fields } as never, full)

describe('the tree of fields', () => {
  it('puts the fields of objects, lists and maps into them', () => {
    const fields = ['tls', 'tls.certs', 'tls.certs[].key', 'tls2', 'headers', 'headers.<name>.value', 'more{}'].map((path) => field(path))
    expect(flatten(fieldTree(fields)).map((node) => `${node.depth} ${node.field.path}`)).toEqual(
      ['0 tls', '1 tls.certs', '2 tls.certs[].key', '0 tls2', '0 headers', '1 headers.<name>.value', '0 more{}'],
    )
  })
  it('keeps what is in something advanced with it', () => {
    const nodes = flatten(fieldTree([field('tls', { advanced: true }), field('tls.on'), field('url')]))
    expect(nodes.map((node) => node.advanced)).toEqual([true, true, false])
  })
})

describe('a configuration', () => {
  it('stands where its kind does', () => {
    expect(config('input', [])).toBe('input:\n  thing: {}')
    expect(config('processor', [field('a', { default: '1' })])).toBe('pipeline:\n  processors:\n    - thing:\n        a: 1')
    expect(config('rate-limit', [])).toBe('rate_limit_resources:\n  - label: my_limit\n    thing: {}')
    expect(config('bloblang-method', [])).toBe('')
  })
  it('has defaults as YAML', () => {
    const fields = [
      field('plain', { default: '"keep"' }),
      field('text', { default: '"a: #b"' }),
      field('no', { default: '"no"' }),
      field('empty', { default: '""' }),
      field('on', { default: 'false' }),
      field('list', { kind: 'array', default: '["a",{"b":1,"c":[]}]' }),
      field('object', { default: '{"lines":{},"x":{"y":"2"}}' }),
      field('lines', { default: '"root = this\\n\\n# why\\nx = 1\\n"' }),
    ]
    expect(config('output', fields)).toBe(
      `output:
  thing:
    plain: keep
    text: "a: #b"
    no: "no"
    empty: ""
    on: false
    list:
      - a
      - b: 1
        c: []
    object:
      lines: {}
      x:
        y: "2"
    lines: |
      root = this

      # why
      x = 1`,
    )
  })
  it('says what is required, and comments out what is optional', () => {
    const fields = [
      field('url', { required: true }),
      field('dsn', { required: true, examples: ['postgres://x'] }),
      field('count', { required: true, type: 'int', examples: ['5'] }),
      field('cert', { optional: true }),
      field('tls', { type: 'object', optional: true }),
      field('tls.on', { type: 'bool', default: 'true' }),
    ]
    expect(config('input', fields)).toBe(
      `input:
  thing:
    url: "" # required
    dsn: "postgres://x" # required, an example
    count: 5 # required, an example
    # cert: ""
    # tls:
    #   on: true`,
    )
  })
  it('leaves out what is deprecated, and what is advanced unless it is asked for', () => {
    const fields = [
      field('old', { deprecated: true, default: '1' }),
      field('url', { default: '"x"' }),
      field('tls', { type: 'object', advanced: true }),
      field('tls.on', { type: 'bool', default: 'false' }),
    ]
    expect(config('cache', fields)).toBe('cache_resources:\n  - label: my_cache\n    thing:\n      url: x')
    expect(config('cache', fields, true)).toBe('cache_resources:\n  - label: my_cache\n    thing:\n      url: x\n      tls:\n        on: false')
  })
  it('is never a key with nothing but comments below', () => {
    expect(config('input', [field('a', { optional: true })])).toBe('input:\n  thing: {}\n    # a: ""')
  })
  it('shows one object of a list and of a map', () => {
    const fields = [
      field('certs', { type: 'object', kind: 'array', required: true }),
      field('certs[].file', { optional: true }),
      field('certs[].key', { default: '""' }),
      field('certs[].more', { type: 'object' }),
      field('certs[].more.x', { default: '1' }),
      field('names', { type: 'object', kind: 'map', required: true }),
      field('names.<name>.to', { default: '1', name: 'to' }),
    ]
    expect(config('buffer', fields)).toBe(
      `buffer:
  thing:
    certs:
        # file: ""
      - key: ""
        more:
          x: 1
    names:
      name:
        to: 1`,
    )
  })
  it('is one value where the component is one', () => {
    expect(config('processor', [field('', { bloblang: true, required: true, examples: ['root = 1\nx = 2'] })])).toBe(
      'pipeline:\n  processors:\n    - thing: |-\n        root = 1\n        x = 2',
    )
    expect(config('processor', [field('', { type: 'processor', kind: 'array', default: '[]' })])).toBe('pipeline:\n  processors:\n    - thing: []')
  })
})

it('has words for kinds and types', () => {
  expect([kindName('rate-limit'), kindName('input')]).toEqual(['Rate limit', 'Input'])
  expect([['string', 'array'], ['processor', '2darray'], ['int', 'map'], ['rate_limit', 'scalar'], ['unknown', 'array']].map(([type = '', kind = '']) => typeWords({ type, kind }))).toEqual(
    ['list of strings', 'list of lists of processors', 'map of ints', 'rate limit', 'list of anything'],
  )
})
