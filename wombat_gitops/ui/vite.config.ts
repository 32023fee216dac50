import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin } from 'vite'
import vuetify from 'vite-plugin-vuetify'

const backend = process.env['WOMBAT_SERVER'] ?? 'http://127.0.0.1:8080'

/** What Vuetify brings along whatever is used of it: a calendar and the waves of pressed buttons. No page here has either. */
function withoutUnused(): Plugin {
  const UNUSED: [RegExp, string][] = [
    [/vuetify\/lib\/composables\/date\/adapters\/vuetify\.js$/, 'export class VuetifyDateAdapter {}'],
    [/vuetify\/lib\/directives\/ripple\/index\.js$/, 'export const Ripple = {}\nexport default Ripple'],
  ]
  return { name: 'without-unused', apply: 'build', load: (id) => UNUSED.find(([path]) => path.test(id))?.[1] ?? null }
}

/** Parts that few pages show stay in files of their own. */
const LARGE = /[Mm]arkdown|asciidoc|ChangeList|ChangeSummary|ContentsPanel|logic\/changes|logic\/queue|QueueList/

/** The style sheets of the pages come after the frame that is there from the first byte, so that nothing keeps it from being painted. */
function lateStyles(): Plugin {
  const LINK = /\s*<link rel="stylesheet" crossorigin href="\/assets\/[^>]*>/g
  return {
    name: 'late-styles',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replace(LINK, '').replace('<noscript>', `${(html.match(LINK) ?? []).join('').trim()}\n    <noscript>`),
    },
  }
}

export default defineConfig({
  plugins: [vue({ features: { optionsAPI: false } }), vuetify({ styles: { configFile: 'src/settings.scss' } }), withoutUnused(), lateStyles()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy allows no data: addresses
    cssCodeSplit: false, // one file that every page has already beats one small file a page
    manifest: 'chunks.json', // what the server names in the document, so that a page loads all it needs at once
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'vendor', test: /node_modules\/(@vue|vue|vuetify)\// },
            { name: 'shared', test: (id) => /\/(src|@mdi|vue-router)\//.test(id) && !LARGE.test(id), minShareCount: 2 },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': backend, '/dl': backend } },
})
