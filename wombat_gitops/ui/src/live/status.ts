import { type InjectionKey, inject } from 'vue'
import type { ServiceStatus } from '@/api/types'
import type { Resource } from './resource'

export const statusKey: InjectionKey<Resource<ServiceStatus>> = Symbol('status')

/** The server's status, loaded once for all pages. */
export function useStatus(): Resource<ServiceStatus> {
  const status = inject(statusKey)
  if (!status) throw new Error('no status above this component')
  return status
}
