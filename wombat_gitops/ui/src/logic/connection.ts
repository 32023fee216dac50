import type { StreamState } from './sse'

/** `polling`: the page asks from time to time, as there is no stream of hints. */
export type Connection = 'live' | 'connecting' | 'reconnecting' | 'polling' | 'offline' | 'away'

export interface Signs {
  /** Does the browser have a network? */
  online: boolean
  /** Did the newest request for the status reach no server, or one that cannot answer? */
  failing: boolean
  stream: StreamState
}

/** How the page is connected, from all the signs that there are. */
export function connectionOf({ online, failing, stream }: Signs): Connection {
  if (!online) return 'offline'
  if (failing) return 'away'
  if (stream === 'gone' || stream === 'ended' || stream === 'paused') return 'polling'
  return stream
}

export interface ServerState {
  connected: boolean
  stale: boolean
}

/** What has to be said about how old the page is; "" where all is well. *seen* is the local time of the newest answer, "" if there was none. */
export function warning(connection: Connection, seen: string, server: ServerState | undefined): string {
  const shown = seen === '' ? '' : `What is shown is from ${seen}. `
  if (connection === 'offline') return `You are offline. ${shown}This page reloads by itself when the network is back.`
  if (connection === 'away') return `The server does not answer. ${shown}The page tries again by itself.`
  if (server && !server.connected) return 'The broker does not answer. What is shown may be old.'
  if (server?.stale) return 'The catalog has not been refreshed for a while. What is shown may be old.'
  return ''
}
