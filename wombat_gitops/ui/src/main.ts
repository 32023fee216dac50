import 'vuetify/styles'
import './style.css'
import { createApp } from 'vue'
import App from './App.vue'
import { startChanges } from './live/changes'
import { startShortcuts } from './live/shortcuts'
import { router } from './router'
import { installVuetify } from './theme'

const app = createApp(App)
installVuetify(app)
app.use(router)
startChanges()
startShortcuts()
app.mount('#app')
