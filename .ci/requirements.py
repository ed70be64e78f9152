"""Prints the requirements of one extra of pyproject.toml (and of the package), one per argument, for `pip install`."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]


def requirements(extra: str) -> list[str]:
    found = list(project["dependencies"])
    for item in project["optional-dependencies"][extra]:
        if item.startswith(project["name"] + "["):
            found += requirements(item[len(project["name"]) + 1 : -1])
        else:
            found.append(item)
    return found


print(" ".join(dict.fromkeys(requirements(sys.argv[1]))))
