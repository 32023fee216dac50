/** One server-sent event; `id` is the newest id seen so far, "" where there was none. */
export interface ServerEvent {
  event: string
  data: string
  id: string
}

/** Takes a text stream cut anywhere and gives whole events (HTML standard, section 9.2.6). */
export class EventParser {
  private rest = ''
  private data: string[] = []
  private event = ''
  private id = ''

  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = []
    const whole = this.rest + text
    // A carriage return at the very end may be half of a line end.
    const usable = whole.endsWith('\r') ? whole.length - 1 : whole.length
    const lines = whole.slice(0, usable).split(/\r\n|\n|\r/)
    this.rest = (lines.pop() ?? '') + whole.slice(usable)
    for (const line of lines) {
      if (line === '') this.dispatch(events)
      else this.field(line)
    }
    return events
  }

  private field(line: string): void {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') this.data.push(value)
    else if (name === 'event') this.event = value
    else if (name === 'id' && !value.includes('\0')) this.id = value
  }

  private dispatch(events: ServerEvent[]): void {
    if (this.data.length > 0) {
      events.push({ event: this.event || 'message', data: this.data.join('\n'), id: this.id })
    }
    this.data = []
    this.event = ''
  }
}

/** `gone`: the server says that there is no such stream. */
export type StreamState = 'connecting' | 'live' | 'reconnecting' | 'paused' | 'ended' | 'gone'

export interface StreamOptions {
  onEvent: (event: ServerEvent) => void
  onState: (state: StreamState) => void
  /** This event closes the stream for good. */
  endEvent?: string
  fetch?: typeof fetch
  /** Milliseconds; a server that sends no heartbeat for so long is taken for dead. */
  silence?: number
  /** Milliseconds before the given retry, counted from 1. */
  backoff?: (retry: number) => number
}

/**
 * A server-sent event stream that goes on where it stopped.
 *
 * Unlike `EventSource` it also survives an answer of 503, tells its state, and ends on an end event.
 */
export class EventStream {
  private controller = new AbortController()
  private readonly options: Required<Omit<StreamOptions, 'endEvent'>> & { endEvent: string }
  private lastId = ''
  private state: StreamState | null = null

  constructor(
    private readonly url: string,
    options: StreamOptions,
  ) {
    this.options = {
      endEvent: '',
      fetch: (...args) => fetch(...args),
      silence: 45_000,
      backoff: (retry) => Math.min(1000 * 2 ** (retry - 1), 15_000),
      ...options,
    }
  }

  /** Runs until the end event, a 4xx answer, or `close`. */
  async run(): Promise<void> {
    const { signal } = this.controller
    this.tell('connecting')
    let retry = 0
    while (!signal.aborted) {
      const outcome = await this.connect(signal, () => {
        retry = 0
      })
      if (signal.aborted) return
      if (outcome !== 'broken') return this.tell(outcome)
      this.tell('reconnecting')
      retry += 1
      await pause(this.options.backoff(retry), signal)
    }
  }

  close(): void {
    this.controller.abort()
  }

  /** Lets the connection go; `resume` asks for what came after the last event. */
  pause(): void {
    this.controller.abort()
    this.tell('paused')
  }

  resume(): void {
    if (this.state !== 'paused') return
    this.controller = new AbortController()
    void this.run()
  }

  private tell(state: StreamState): void {
    if (state === this.state) return
    this.state = state
    this.options.onState(state)
  }

  private async connect(stop: AbortSignal, onOpen: () => void): Promise<'broken' | 'ended' | 'gone'> {
    const guard = new AbortController()
    const signal = AbortSignal.any([stop, guard.signal])
    let watchdog = setTimeout(() => guard.abort(), this.options.silence)
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' }
      if (this.lastId !== '') headers['Last-Event-ID'] = this.lastId
      const response = await this.options.fetch(this.url, { headers, signal, cache: 'no-store' })
      if (response.status >= 400 && response.status < 500 && response.status !== 429) return 'gone'
      if (!response.ok || !response.body) return 'broken'
      this.tell('live')
      onOpen()
      const parser = new EventParser()
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return 'broken'
        clearTimeout(watchdog)
        watchdog = setTimeout(() => guard.abort(), this.options.silence)
        for (const event of parser.push(value)) {
          if (stop.aborted) return 'broken'
          if (event.id !== '') this.lastId = event.id
          this.options.onEvent(event)
          if (event.event === this.options.endEvent) return 'ended'
        }
      }
    } catch {
      return 'broken'
    } finally {
      clearTimeout(watchdog)
      guard.abort()
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
