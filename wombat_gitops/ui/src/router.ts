import { createRouter, createWebHistory } from 'vue-router'
import CataloguePage from './pages/CataloguePage.vue'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', component: CataloguePage },
    { path: '/d/:name', component: () => import('./pages/DistributionPage.vue'), props: true },
    { path: '/d/:name/v/:version', component: () => import('./pages/VersionPage.vue'), props: true },
    { path: '/compare', component: () => import('./pages/ComparePage.vue') },
    { path: '/sources', component: () => import('./pages/SourcesPage.vue') },
    { path: '/fleet', component: () => import('./pages/FleetPage.vue') },
    // Commit statuses of earlier versions lead here, with the source behind `#`.
    { path: '/status', redirect: ({ hash }) => ({ path: hash === '' ? '/fleet' : '/sources', hash }) },
    { path: '/builds', component: () => import('./pages/BuildsPage.vue') },
    { path: '/builds/:id', component: () => import('./pages/BuildPage.vue'), props: true },
    { path: '/:path(.*)*', component: () => import('./pages/NotFoundPage.vue') },
  ],
  scrollBehavior: (to, from, saved) => {
    if (to.path === from.path) return saved ?? false
    return saved ?? (to.hash === '' ? { top: 0 } : { el: to.hash, top: 80 })
  },
})
