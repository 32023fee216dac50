/** The parts of the site: where each begins, its word in the header, what it is called in the list of shortcuts, and the key behind "g". */
export const ROOMS = [
  { to: '/', word: 'Distributions', name: 'distributions', key: 'd', has: /^\/($|d\/|compare)/ },
  { to: '/components', word: 'Components', name: 'components', key: 'c', has: /^\/components/ },
  { to: '/compose', word: 'Compose', name: 'composing a distribution', key: 'o', has: /^\/compose/ },
  { to: '/builds', word: 'Builds', name: 'builds', key: 'b', has: /^\/builds/ },
  { to: '/sources', word: 'Sources', name: 'sources', key: 's', has: /^\/sources/ },
  { to: '/fleet', word: 'Fleet', name: 'the fleet', key: 'f', has: /^\/fleet/ },
] as const
