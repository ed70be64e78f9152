// The application that WSM_APPLICATION names, and the control beside it.
import './control.mjs'

await import(`./${process.env.WSM_APPLICATION}.mjs`)
