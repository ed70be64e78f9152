// WebSocketManager: a runtime, the application's handlers, and when it starts and stops.
'use strict'

const { isMainThread } = require('node:worker_threads')

const native = require('./native.js')
const config = require('./config.js')
const { ConfigError, NotFound, NotRunning } = require('./errors.js')
const { Handlers } = require('./handlers.js')
const { Receipt, Receipts } = require('./receipt.js')
const { Seldom, UNKNOWN_PATH, defaultLogger } = require('./log.js')
const logs = require('./logs.js')
const attaching = require('./attach.js')
const handover = require('./handover.js')
const { States } = require('./entrance.js')
const { compiled, matched } = require('./paths.js')
const processes = require('./processes.js')
const rest = require('./rest.js')
const signals = require('./signals.js')
const { Tokens } = require('./tokens.js')
const { check, handlerOptions, registration, takePlace } = require('./register.js')

/** Milliseconds that a stop may take at the end of a process that has not stopped its manager. */
const EXIT_DEADLINE_MS = 500

const NOT_RUNNING = -4

/** Managers of this environment whose runtime runs. */
const running = new Set()

class WebSocketManager extends Tokens {
  #name
  #config = {}
  #endpoints = new Map()
  #rules = new Map()
  #handlers = new Handlers(this)
  #runtime = null
  #draft = null
  #receipts = null
  #live = null
  #stopped = false
  #warned = false
  #holding = false
  #drains = false
  #checks = new Set()
  #seldom = new Seldom()

  /** @internal */
  _states = new States()

  /** Where the package logs: an object with debug, info, warn, error. */
  logger = defaultLogger

  constructor(options, name = '') {
    super()
    this.#name = name
    if (options !== undefined) this.configure(options)
  }

  // ---- configuration ----

  configure(options) {
    if (this.running) throw new ConfigError('configure() must be called before the runtime starts; it is running')
    const { rooms, encoder = this._encoder, ...others } = options
    if (encoder !== undefined && encoder !== null && typeof encoder !== 'function')
      throw new ConfigError(`encoder must be a function (key, value), not ${typeof encoder}`)
    const rules = config.roomRules(rooms)
    const changed = { ...this.#config, ...config.normalised(others) }
    this.#draft = this.#furnished(new native.Runtime(config.texts(changed), '', '', true))
    this.#leave()
    this.#config = changed
    this._encoder = encoder ?? undefined
    for (const [pattern, settings] of rules) this.room(pattern, settings)
  }

  endpoint(path, { rooms = [], greeting = '', heartbeat = '', firehose = false, raw = false } = {}) {
    const settings = {
      rooms: typeof rooms === 'string' ? [rooms] : [...rooms],
      greeting,
      heartbeat,
      flags: (firehose ? native.ENDPOINT_FIREHOSE : 0) | (raw ? native.ENDPOINT_RAW : 0),
    }
    apply(this._any(), path, settings)
    this.#endpoints.set(path, settings)
  }

  room(pattern, settings) {
    const runtime = this._any()
    for (const [name, value] of Object.entries(settings)) {
      const setting = config.snake(name)
      const text = config.roomSetting(name, value)
      runtime.roomRuleSet(pattern, setting, text)
      this.#rules.set(JSON.stringify([pattern, setting]), [pattern, setting, text])
    }
  }

  reloadKeys({ jwtSecret, jwtPublicKey } = {}) {
    const given = { jwt_secret: jwtSecret, jwt_public_key: jwtPublicKey }
    const changed = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined && value !== null),
    )
    const { jwt_secret, jwt_public_key } = { ...this.#config, ...changed }
    this._any().reloadKeys(keyText('jwt_secret', jwt_secret), keyText('jwt_public_key', jwt_public_key))
    Object.assign(this.#config, changed)
  }

  removeEndpoint(path) {
    this._any().endpointRemove(path)
    this.#endpoints.set(path, null)
  }

  /** @internal The runtime, or one that only checks what it is given, and keeps it until there is one. */
  _any() {
    return this.#runtime ?? (this.#draft ??= new native.Runtime(config.texts(this.#config), '', '', true))
  }

  // ---- start and stop ----

  get running() {
    return this.#runtime !== null && this.#runtime.running()
  }

  get port() {
    return this.#runtime === null ? 0 : this.#runtime.port()
  }

  start() {
    this.#stopped = this.#warned = false
    this.#start()
  }

  async listen({ port, host, signals: drains = true } = {}) {
    this.configure({
      ...(port === undefined ? { port: this.#config.port ?? 0 } : { port }),
      ...(host === undefined ? {} : { host }),
    })
    this.start()
    if (drains) this._drainAtSignals()
    return this.port
  }

  #start() {
    const runtime = this.#runtime ?? this.#make()
    const joined = runtime.running() // a worker, for one, that uses the main thread's
    try {
      runtime.start()
    } catch (error) {
      this.#leave()
      throw error
    }
    this.#live = runtime
    running.add(this)
    if (!joined) this.#tell(processes.ofSeveral())
    if (this.#drains) signals.drainAtSignals(this)
    if (!joined && !this.#holding && runtime.port() !== 0) {
      this.#holding = true
      runtime.hold()
    }
    return runtime
  }

  #make() {
    const texts = config.texts(this.#config)
    const fingerprint = JSON.stringify(texts)
    const runtime = new native.Runtime(texts, this.#name, fingerprint, true)
    if (texts.length > 0 && runtime.fingerprint() !== fingerprint) {
      runtime.close()
      throw new ConfigError('the runtime of this process runs already, started elsewhere with other options')
    }
    this.#furnished(runtime)
    for (const action of this.#handlers.commands.keys()) runtime.commandAdd(action)
    this.#receipts = new Receipts(runtime)
    runtime.dispatch = dispatcher(this, runtime, this.#handlers, this.#receipts)
    this.#handlers.serve(runtime)
    runtime.want(this.#handlers.wanted())
    this.#draft = null
    this.#runtime = runtime
    return runtime
  }

  /** Gives a new runtime what the one before, or the draft, was told. */
  #furnished(runtime) {
    const before = this.#runtime ?? this.#draft
    for (const [path, settings] of this.#endpoints) apply(runtime, path, settings)
    for (const by of this.#checks) runtime.accessChecked(by)
    for (const [pattern, setting, text] of this.#rules.values()) runtime.roomRuleSet(pattern, setting, text)
    if (before !== null) {
      for (const { jti = '', user_id = '', before: since = 0, until } of JSON.parse(before.revocations())) {
        runtime.revoke(jti, user_id, since, until)
      }
    }
    this.#draft?.close()
    return runtime
  }

  /** Gives the runtime up, which does not run. */
  #leave() {
    if (this.#runtime === null) return
    this.#runtime.close()
    this.#receipts.close()
    this.#runtime = this.#receipts = this.#live = null
    this.#handlers.known.clear()
    running.delete(this)
  }

  get draining() {
    return this.#runtime !== null && this.#runtime.draining()
  }

  drain() {
    if (this.running) this.#runtime.drain()
  }

  async stop(deadline) {
    this.#stopped = true
    const runtime = this.#runtime
    if (runtime === null) return
    await runtime.stop(deadline === undefined ? undefined : Math.max(0, Math.round(deadline * 1000)))
    await this.#handlers.finished()
    this.#unhold()
    running.delete(this)
    signals.forget(this)
  }

  /** @internal From now on, whenever the runtime runs. */
  _drainAtSignals() {
    this.#drains = true
    signals.drainAtSignals(this)
  }

  #unhold() {
    if (!this.#holding) return
    this.#holding = false
    this.#runtime?.release()
  }

  /** @internal The process, or this thread, ends. Here and now: nothing asynchronous happens any more. */
  _exit() {
    if (this.#runtime === null) return
    if (isMainThread) this.#runtime.stopNow(EXIT_DEADLINE_MS)
    else this.#runtime.close()
    this.#stopped = true
    this.#live = null
  }

  /** @internal The runtime, running. NotRunning after stop(). */
  _ready() {
    const runtime = this.#runtime
    if (runtime !== null && runtime.running()) return runtime
    if (this.#stopped || (runtime !== null && runtime.stopped())) {
      throw new NotRunning('the runtime was stopped; start() starts it again')
    }
    return this.#start()
  }

  /** @internal */
  _publish(target, to, type, payload, key, rate, priority, level, exclude, members, flags, once) {
    const runtime = this.#live ?? this.#first()
    if (runtime === null) return this.#unsent(NOT_RUNNING)
    const place =
      flags === undefined
        ? runtime.publish(target, to, type, payload)
        : runtime.publish(target, to, type, payload, key, rate, priority, level, exclude, members, flags, once)
    return place < 0 ? this.#unsent(place) : this.#receipts.receipt(place)
  }

  #first() {
    if (this.#stopped) return null
    if (!this.running) this.#tell(processes.senderAlone())
    return this._ready()
  }

  #tell(warning) {
    if (warning !== undefined) this.logger.warn(warning)
  }

  #unsent(status) {
    if (!this.#warned) {
      this.#warned = true
      this.logger.warn('a message was sent after the runtime had stopped: it and all that follow are dropped')
    }
    return new Receipt(null, status)
  }

  /** @internal The authenticate handler of this thread. */
  get _authenticator() {
    return this.#handlers.authenticator
  }

  /** @internal Whether the core itself checks tokens. */
  get _takesTokens() {
    return this._any().takesTokens()
  }

  /** @internal A number that an option has, by its name in the table. */
  _number(name) {
    return Number(this._any().option(name))
  }

  /** @internal Something checks clients by itself: from now on rooms need a grant, unless the option `access` says otherwise. */
  _checked(by) {
    if (this.#checks.has(by)) return
    this.#checks.add(by)
    this._any().accessChecked(by)
  }

  /** @internal A line that clients can cause, at most one of its kind in a while. */
  _seldom(kind, level, text) {
    const left = this.#seldom.due(kind)
    if (left !== undefined) this.logger[level](text + left)
  }

  /** @internal Whether the application itself has added an endpoint for that path. */
  _added(path) {
    return [...this.#endpoints].some(
      ([own, settings]) => settings !== null && matched(compiled(own), path) !== undefined,
    )
  }

  /** @internal The endpoints that a place has which says nothing of its own: those of every runtime, unless `added` alone, and those added. */
  _endpoints(added) {
    const authenticates = this._authenticator || this._takesTokens
    const defaults = native.endpointDefaults().filter(([, auth]) => authenticates || !auth)
    const own = new Map(added ? [] : defaults.map(([path]) => [path, {}]))
    for (const [path, settings] of this.#endpoints) own.set(path, settings)
    return [...own].filter(([, settings]) => settings !== null).map(([path]) => path)
  }

  /** @internal Whether a path belongs to an endpoint; false while the runtime does not run. */
  _match(path) {
    return this.running && this.#runtime.match(path)
  }

  /** @internal A path as it may stand in a log. */
  _label(path) {
    return this.#runtime?.label(path) || UNKNOWN_PATH
  }

  // ---- handlers ----

  onConnect(handler, options) {
    return this.#register('onConnect', handler, options)
  }

  onDisconnect(handler, options) {
    return this.#register('onDisconnect', handler, options)
  }

  onMessage(...args) {
    const { handler, options } = registration(args)
    return this.#register('onMessage', handler, options)
  }

  onCommand(action, ...args) {
    const { handler, options } = registration(args)
    const registered = { handler, concurrent: Boolean(options.concurrent) }
    this._any().commandAdd(action)
    this.#handlers.commands.set(action, registered)
    this.#want()
    return () => {
      if (this.#handlers.commands.get(action) !== registered) return
      this.#handlers.commands.delete(action)
      try {
        this._any().commandRemove(action)
      } catch (error) {
        if (!(error instanceof NotFound)) throw error
      }
      this.#want()
    }
  }

  authenticate(handler) {
    check(handler)
    this.#handlers.authenticator = handler
    this.#want()
  }

  authorize(handler) {
    check(handler)
    this.#handlers.authorizer = handler
    this.#want()
  }

  #register(kind, handler, options) {
    check(handler)
    const handlers = this.#handlers[kind]
    const registered = { handler, ...handlerOptions(options) }
    takePlace(this.logger, kind, handlers, registered)
    handlers.set(handler, registered)
    this.#want()
    return () => {
      if (handlers.get(handler) !== registered) return
      handlers.delete(handler)
      this.#want()
    }
  }

  #want() {
    this.#runtime?.want(this.#handlers.wanted())
  }

  // ---- Node's servers ----

  async attach(server, options) {
    attaching.attach(this, server, options)
  }

  detach(server) {
    attaching.detach(this, server)
  }

  handOver(req, socket, head, ...decided) {
    // What a look-up has not found is not what was left out.
    const [admission = decided.length === 0 ? {} : null, how] = decided
    return handover.handOver(this, req, socket, head, admission, how)
  }

  /** (req, res, next?) for node:http, Express and Connect. */
  restHandler = (req, res, next) => rest.handle(this, req, res, next)

  /** The same as one user: { userId, rooms, subscribe }, or a function of the request that says so. */
  rest(req, res, ...who) {
    const [identity = null, next] = who
    if (who.length === 0)
      throw new TypeError(
        'rest(req, res, identity): who calls, as { userId, rooms, subscribe }, or a function of the request',
      )
    this._checked('a call of rest() that says who calls')
    return rest.handle(this, req, res, next, identity)
  }

  /** The admin panel for those whom `check` lets in: (req, res, next?) as above. */
  adminHandler = (check) => rest.adminHandler(this, check)

  /** A plugin for Fastify; its option `admin` is such a check. */
  fastifyPlugin = Object.assign(async (fastify, options) => rest.fastify(this, fastify, options), {
    [Symbol.for('skip-override')]: true,
  })

  /** The answer to a Request of fetch's kind: route handlers of Next.js and others. */
  fetch = (request, options) => rest.respond(this, request, options)

  // ---- the application's log ----

  captureConsole(options) {
    return logs.captureConsole(this, options)
  }

  pinoStream(options) {
    return logs.pinoStream(this, options)
  }

  /** @internal One REST call of docs/protocol.md: [status, content type, header lines, body]. */
  async _rest(...call) {
    return this._ready().rest(...call)
  }
}

function apply(runtime, path, settings) {
  if (settings !== null) {
    runtime.endpointSet(path, settings.rooms, settings.greeting, settings.heartbeat, settings.flags)
    return
  }
  try {
    runtime.endpointRemove(path)
  } catch (error) {
    if (!(error instanceof NotFound)) throw error
  }
}

function keyText(name, value) {
  return value === undefined || value === null ? undefined : config.text(name, value)
}

/** Who takes the events of a runtime. Nothing that a handler does may stop the events of others. */
function dispatcher(manager, runtime, handlers, receipts) {
  return (kind, conn, a, b, c) => {
    if (kind === native.EVENT_RECEIPT || kind === native.EVENT_REPORT) {
      receipts.complete(a)
      return
    }
    try {
      if (kind === native.EVENT_CLOSED) {
        manager._states.take(conn)
        handover.closed(runtime, conn, a, b)
      } else if (kind === native.EVENT_AUTHENTICATE && b === '')
        handover.decide(manager, runtime, conn, a).catch(report)
      else handlers.handle(runtime, kind, conn, a, b, c)
    } catch (error) {
      report(error)
    }
    function report(error) {
      manager.logger.error(`an event of kind ${kind} could not be handled`, error)
    }
  }
}

process.on('exit', () => {
  for (const manager of running) manager._exit()
})

for (let type = WebSocketManager.prototype; type !== Object.prototype; type = Object.getPrototypeOf(type)) {
  for (const name of Object.getOwnPropertyNames(type)) alias(name)
}

/** The calls under their names in Python, too: send_to_user for sendToUser. */
function alias(name) {
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  if (name.startsWith('_') || snake === name) return
  Object.defineProperty(WebSocketManager.prototype, snake, {
    value: WebSocketManager.prototype[name],
    configurable: true,
    writable: true,
  })
}

module.exports = { WebSocketManager }
