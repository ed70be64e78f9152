// Nothing is checked; the control adds a check while it runs.
import { serve } from './serve.mjs'

await serve()
