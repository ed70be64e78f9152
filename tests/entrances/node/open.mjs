// Nothing is checked.
import { serve } from './serve.mjs'

await serve()
