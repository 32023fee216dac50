import { createRouter, createWebHistory } from 'vue-router'
import { grownTo } from './live/scroll'
import { documentedPath } from './logic/contents'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', component: () => import('./pages/CataloguePage.vue') },
    { path: '/d/:name', component: () => import('./pages/DistributionPage.vue'), props: true },
    { path: '/d/:name/:version', redirect: ({ params, query, hash }) => ({ path: `/d/${encodeURIComponent(String(params['name']))}/v/${encodeURIComponent(String(params['version']))}`, query, hash }) },
    { path: '/d/:name/v/:version', component: () => import('./pages/VersionPage.vue'), props: true },
    { path: '/components', component: () => import('./pages/ComponentsPage.vue') },
    {
      path: '/components/:kinds([a-z_-]+s)/:name',
      redirect: ({ params, query, hash }) => ({ path: documentedPath(String(params['kinds']), String(params['name'])), query, hash }),
    },
    { path: '/components/:kind/:name', component: () => import('./pages/ComponentPage.vue'), props: true },
    { path: '/packages', component: () => import('./pages/PackagesPage.vue') },
    { path: '/packages/:path+', component: () => import('./pages/PackagePage.vue'), props: ({ params }) => ({ path: [params['path']].flat().join('/') }) },
    { path: '/compare', component: () => import('./pages/ComparePage.vue') },
    { path: '/compose', component: () => import('./pages/ComposePage.vue') },
    { path: '/sources', component: () => import('./pages/SourcesPage.vue') },
    { path: '/fleet', component: () => import('./pages/FleetPage.vue') },
    { path: '/fleet/:name', component: () => import('./pages/BuilderPage.vue'), props: true },
    // Commit statuses of earlier versions lead here, with the source behind `#`.
    { path: '/status', redirect: ({ hash }) => ({ path: hash === '' ? '/fleet' : '/sources', hash }) },
    { path: '/builds', component: () => import('./pages/BuildsPage.vue') },
    { path: '/builds/:id', component: () => import('./pages/BuildPage.vue'), props: true },
    { path: '/:path(.*)*', component: () => import('./pages/NotFoundPage.vue') },
  ],
  scrollBehavior: async (to, from, saved) => {
    if (saved !== null) {
      const undisturbed = await grownTo(saved.top + innerHeight)
      return undisturbed && router.currentRoute.value.fullPath === to.fullPath ? saved : false
    }
    if (to.path === from.path) return false
    return to.hash === '' ? { top: 0 } : { el: to.hash, top: 80 }
  },
})
