import type { Artifact, Distribution, PlatformState } from '@/api/types'

/** What a visitor can take for a platform now: the wanted artifact, else the newest one that may be handed out. */
export interface Download {
  platform: string
  artifact: Artifact
  version: string
  /** It is an older one, because the wanted one does not exist (yet). */
  old: boolean
}

export function downloadOf(distribution: Distribution, state: PlatformState): Download | null {
  const artifact = [state.artifact, state.last_good].find((candidate) => candidate && !candidate.withdrawn)
  if (!artifact) return null
  const version = versionOf(distribution, state.platform, artifact)
  return { platform: state.platform, artifact, version, old: artifact !== state.artifact }
}

/** Every platform that has something, also those that only older versions were built for. */
export function downloads(distribution: Distribution): Download[] {
  const declared = distribution.platforms.flatMap((state) => downloadOf(distribution, state) ?? [])
  if (!distribution.retired) return declared
  const found = new Map(declared.map((download) => [download.platform, download]))
  for (const version of distribution.versions) {
    for (const [platform, artifact] of Object.entries(version.artifacts)) {
      if (!found.has(platform) && !artifact.withdrawn) found.set(platform, { platform, artifact, version: version.version, old: true })
    }
  }
  return [...found.values()]
}

function versionOf(distribution: Distribution, platform: string, artifact: Artifact): string {
  const version = distribution.versions.find((candidate) => candidate.artifacts[platform]?.sha256 === artifact.sha256)
  return version?.version ?? distribution.version
}
