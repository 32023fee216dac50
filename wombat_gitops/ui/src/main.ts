import 'vuetify/styles'
import './style.css'
import { createApp } from 'vue'
import App from './App.vue'
import { startChanges } from './live/changes'
import { router } from './router'
import { installVuetify } from './theme'

const app = createApp(App)
installVuetify(app)
app.use(router)
startChanges()
app.mount('#app')
