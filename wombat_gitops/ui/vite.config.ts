import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'
import vuetify from 'vite-plugin-vuetify'

const backend = process.env['WOMBAT_SERVER'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue(), vuetify({ styles: { configFile: 'src/settings.scss' } })],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy allows no data: addresses
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': backend, '/dl': backend } },
})
