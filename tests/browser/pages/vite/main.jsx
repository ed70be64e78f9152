import { createRoot } from 'react-dom/client'
import 'template.css'
import 'ws_manager/react/styles.css'
import { All } from './all.jsx'

createRoot(document.getElementById('root')).render(<All />)
