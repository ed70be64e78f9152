"""Puts the figures of the last runs into reliability.md.

    python docs/generate_reliability.py

They are those of build/{chaos-report,protection,soak-report,conformance,attacks,entrances}.md, as far as these exist.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reliability.md"
REPORTS = {
    "chaos": "chaos-report.md",
    "protection": "protection.md",
    "soak": "soak-report.md",
    "conformance": "conformance.md",
    "attacks": "attacks.md",
    "entrances": "entrances.md",
}


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, file in REPORTS.items():
        report = ROOT / "build" / file
        if not report.exists():
            print(f"{report.relative_to(ROOT)} does not exist: what the page says of it stays")
            continue
        block = f"<!-- {name} -->\n{report.read_text(encoding='utf-8').strip()}\n<!-- end of {name} -->"
        text = re.sub(rf"<!-- {name} -->.*?<!-- end of {name} -->", lambda _, block=block: block, text, flags=re.S)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
