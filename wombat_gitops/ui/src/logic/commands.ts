import type { Download } from './downloads'

/** A line to paste into a shell, and what it does. */
export interface Command {
  label: string
  command: string
}

/** Everything a visitor may want to do with one download, in the order in which it is done. */
export interface Commands {
  get: Command[]
  verify: Command[]
  more: Command[]
}

/**
 * Ready-to-paste lines for the shells of the download's platform.
 *
 * The file's digest stands in them, so a page that was read over a trusted way is proof against a host that serves other bytes.
 *
 * @param origin where this site is.
 */
export function commandsFor(name: string, download: Download, origin: string): Commands {
  const { artifact, platform, version } = download
  const { file_name: file, sha256, url } = artifact
  const os = platform.split('/')[0] ?? ''
  const curl = os === 'windows' ? 'curl.exe' : 'curl'
  const latest = `${origin}/dl/${encodeURIComponent(name)}/latest/${platform}`
  const sums = `${origin}/dl/${encodeURIComponent(name)}/${encodeURIComponent(version)}/SHA256SUMS`
  return {
    get: [
      { label: 'Download', command: `${curl} -fOJ ${origin}${url}` },
      { label: 'Download and verify with wombat', command: `wombat --server ${origin} download ${name}@${version} --platform ${platform}` },
    ],
    verify: verification(os, file, sha256, sums),
    more: [
      ...running(os, file),
      { label: 'Always the latest version', command: `${curl} -fLOJ ${latest}` },
      { label: 'Rebuild it from the manifest and compare the bytes', command: `wombat apply ${name} --local --yes --platform ${platform} --output-dir built` },
    ],
  }
}

function verification(os: string, file: string, sha256: string, sums: string): Command[] {
  if (os === 'windows') {
    return [
      { label: 'Verify in PowerShell', command: `(Get-FileHash -Algorithm SHA256 '${file}').Hash -eq '${sha256}'` },
      { label: 'Verify in the command prompt', command: `certutil -hashfile ${file} SHA256 | findstr /i ${sha256}` },
    ]
  }
  const [tool, missing] = os === 'linux' ? ['sha256sum', ' --ignore-missing'] : ['shasum -a 256', ' --ignore-missing']
  return [
    { label: 'Verify', command: `echo '${sha256}  ${file}' | ${tool} -c` },
    { label: 'Verify all files of this version', command: `curl -fsS ${sums} | ${tool} -c${missing}` },
  ]
}

function running(os: string, file: string): Command[] {
  if (os === 'windows') return [{ label: 'Run it', command: `.\\${file} --version` }]
  const allow = { label: 'Let macOS run a file that a browser downloaded', command: `xattr -d com.apple.quarantine ${file}` }
  const run = { label: 'Make it run', command: `chmod +x ${file} && ./${file} --version` }
  return os === 'darwin' ? [run, allow] : [run]
}
