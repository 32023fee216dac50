import { mdi } from 'vuetify/iconsets/mdi-svg'
import type { App } from 'vue'
import { createVuetify, type ThemeDefinition } from 'vuetify'
import { recall, remember } from './live/remember'

const light: ThemeDefinition = {
  dark: false,
  colors: {
    background: '#f6f4f1',
    surface: '#ffffff',
    'surface-light': '#f6f4f1',
    'surface-variant': '#5b5450',
    primary: '#7a4a21',
    secondary: '#5b5450',
    success: '#1b6e3c',
    info: '#1c5fa8',
    warning: '#8a5200',
    error: '#b3261e',
    quiet: '#5b5450',
  },
  variables: { 'medium-emphasis-opacity': 0.78, 'border-opacity': 0.14 },
}

const dark: ThemeDefinition = {
  dark: true,
  colors: {
    background: '#171412',
    surface: '#211d1a',
    'surface-light': '#2b2623',
    'surface-variant': '#c9c0b8',
    primary: '#e3b07d',
    secondary: '#c9c0b8',
    success: '#7fd69b',
    info: '#93c5fd',
    warning: '#f5c26b',
    error: '#ffb4ab',
    quiet: '#c9c0b8',
  },
  variables: { 'medium-emphasis-opacity': 0.8, 'border-opacity': 0.18 },
}

interface Head {
  style: { textContent: string }[]
}

/** Takes Vuetify's theme as a constructed style sheet: a `style` element would need an unsafe policy. */
function themeSheet(): { push: (getHead: () => Head) => { patch: (getHead: () => Head) => void } } {
  const sheet = new CSSStyleSheet()
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  const write = (getHead: () => Head): void => sheet.replaceSync(getHead().style.map((style) => style.textContent).join('\n'))
  return {
    push: (getHead) => {
      write(getHead)
      return { patch: write }
    },
  }
}

export const THEMES = ['system', 'light', 'dark'] as const
export type ThemeName = (typeof THEMES)[number]

const KEY = 'wombat-theme'

/** The theme chosen on this machine. */
export function storedTheme(): ThemeName {
  const stored = recall(KEY)
  return THEMES.find((name) => name === stored) ?? 'system'
}

export function storeTheme(name: ThemeName): void {
  remember(KEY, name)
}

/** Gives the browser's own frame the colour of the header: by the system's theme as index.html says, or by the one that was chosen. */
export function paintBrowser(name: ThemeName): void {
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const isDark = name === 'system' ? meta.media.includes('dark') : name === 'dark'
    meta.content = String((isDark ? dark : light).colors?.['surface'])
  }
}

export function installVuetify(app: App): void {
  app.provide('usehead', themeSheet())
  paintBrowser(storedTheme())
  app.use(
    createVuetify({
      theme: { defaultTheme: storedTheme(), themes: { light, dark } },
      icons: { defaultSet: 'mdi', aliases: {}, sets: { mdi } },
      defaults: {
        VAlert: { variant: 'tonal', border: 'start' },
        VBtn: { variant: 'text' },
        VSheet: { border: true, rounded: 'lg' },
      },
    }),
  )
}
