// Before the first paint: the theme that was chosen last, if any (else the system's, by CSS).
try {
  const theme = localStorage.getItem('theme')
  if (theme) document.documentElement.dataset.theme = theme
} catch {
  /* storage is switched off: the system's theme it is */
}
