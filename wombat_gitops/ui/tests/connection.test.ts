import { describe, expect, it } from 'vitest'
import { connectionOf, warning } from '@/logic/connection'

describe('the connection', () => {
  it.each([
    [{ online: true, failing: false, stream: 'live' }, 'live'],
    [{ online: true, failing: false, stream: 'reconnecting' }, 'reconnecting'],
    [{ online: true, failing: false, stream: 'gone' }, 'polling'],
    [{ online: true, failing: true, stream: 'live' }, 'away'],
    [{ online: false, failing: true, stream: 'live' }, 'offline'],
  ] as const)('%j is %s', (signs, expected) => expect(connectionOf(signs)).toBe(expected))

  it.each([
    ['live', '12:03', { connected: true, stale: false }, ''],
    ['live', '12:03', { connected: false, stale: true }, 'The broker does not answer'],
    ['live', '12:03', { connected: true, stale: true }, 'The catalog has not been refreshed'],
    ['offline', '12:03', undefined, 'You are offline. What is shown is from 12:03.'],
    ['away', '', undefined, 'The server does not answer. The page tries again'],
  ] as const)('%s at %s with %j says “%s”', (connection, seen, server, words) => {
    const said = warning(connection, seen, server)
    expect(words === '' ? said === '' : said.startsWith(words)).toBe(true)
  })
})
