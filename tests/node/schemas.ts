// Compiled by tsc --strict, never run: handlers get what the schemas of others say.
import { type } from 'arktype'
import * as v from 'valibot'
import { WebSocketManager } from 'ws_manager'
import { z } from 'zod'

const own = new WebSocketManager()
own.onCommand('zod', z.object({ image_id: z.coerce.number() }), (connection, { image_id }) => image_id.toFixed())
own.onCommand('valibot', v.object({ name: v.string() }), async (connection, { name }) => name.length)
own.onCommand('arktype', type({ name: 'string' }), (connection, { name }) => name.length)
// @ts-expect-error there is no such field
own.onCommand('zod', z.object({ name: z.string() }), (connection, { nick }) => nick)
// @ts-expect-error there is no such field
own.onCommand('valibot', v.object({ name: v.string() }), (connection, { nick }) => nick)
