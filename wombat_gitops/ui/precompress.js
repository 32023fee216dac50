// Writes .br and .gz copies beside every built text file, so that the server never compresses.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const TEXT = /\.(css|html|js|json|svg|txt)$/
const root = join(import.meta.dirname, 'dist')

for (const name of readdirSync(root, { recursive: true })) {
  if (!TEXT.test(name)) continue
  const path = join(root, name)
  const data = readFileSync(path)
  writeFileSync(`${path}.gz`, gzipSync(data, { level: 9 }))
  const options = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length }
  writeFileSync(`${path}.br`, brotliCompressSync(data, { params: options }))
}
