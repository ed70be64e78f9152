let made = 0

/** Something to work on for some seconds: 24 MB of words and noise. */
export function sample(): File {
  const noise = crypto.getRandomValues(new Uint8Array(2 ** 16))
  const words = new TextEncoder().encode('the quick brown fox jumps over the lazy dog\n'.repeat(400))
  const parts = Array.from({ length: 290 }, (_, i) => (noise[i]++, [noise.slice(), words])).flat()
  return new File(parts, `sample-${++made}.bin`)
}
