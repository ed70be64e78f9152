// The addon. The path is a literal, so that bundlers and tracers that look for native files find it.
'use strict'

function load() {
  try {
    return require('../../build/Release/ws_manager.node')
  } catch (cause) {
    if (cause.code !== 'MODULE_NOT_FOUND') throw cause
    throw new Error(
      'the native part of ws_manager is not built. Its install script builds it (npm rebuild ws_manager); ' +
        'some package managers ask for your consent to run it.',
      { cause },
    )
  }
}

module.exports = load()
