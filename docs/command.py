"""Writes the pages of the command into docs/src/reference/command/ from the help that it prints.

    docs/command.py CYGNET
"""

import re
import subprocess
import sys
from pathlib import Path

COMMANDS = ["train", "eval", "predict", "info", "average", "vote", "plane", "reproduce", "convert", "completions"]
PAGES = Path(__file__).parent / "src/reference/command"
# An option or an argument, and what stands beside it; what belongs to it goes on further to the right.
ENTRY = re.compile(r"^ {2,6}(-\S.*?|<.*?|\[.*?)(?: {2,}(.*))?$")


def text(words):
    """Help as Markdown: what stands in backticks and options are code, the rest has no meaning of its own."""
    parts = re.split(r"(`[^`]*`|(?<![\w-])--?[a-z][a-z-]*)", words)
    code = lambda part: "`" + part.strip("`").replace("|", r"\|") + "`"
    plain = lambda part: re.sub(r"([*_|<>\[\]\\])", r"\\\1", part)
    return "".join(code(part) if part.startswith(("`", "-")) and len(part) > 1 else plain(part) for part in parts)


def row(name, words):
    """A line of the table: what it is, what it does, and what it is where nothing is said."""
    words = " ".join(" ".join(words).split())
    words = re.sub(r" - (?=\w+: )", "; ", words.replace(" Possible values: - ", ". Possible values: "))
    default = re.search(r" ?\[default: (.*?)\]", words)
    words = words.replace(default[0], "") if default else words
    return f"| `{name}` | {text(words)} | {text(default[1]) if default else ''} |"


def page(command, help_text):
    """The page of one command: a heading for each section of its help, a table for the options in it."""
    about, usage, rest = re.match(r"(.*?)\n\nUsage: (.*?)\n\n(.*)", help_text, re.S).groups()
    lines = [f"# cygnet {command}", "", text(" ".join(about.split())) + ".", "", "```text", usage, "```", ""]
    entries = []

    def close():
        if not entries and lines[-2].startswith("## "):
            del lines[-2:]
        if entries:
            lines.extend(["| | | default |", "|---|---|---|"])
            lines.extend(row(name, words) for name, words in entries)
            lines.append("")
            entries.clear()

    for line in rest.splitlines():
        entry = ENTRY.match(line)
        if entry and entry[1] == "-h, --help":
            continue
        if entry:
            entries.append((entry[1].replace("|", r"\|"), [entry[2]] if entry[2] else []))
        elif line.startswith("  ") and entries:
            entries[-1][1].append(line.strip())
        elif re.match(r"\S.*:$", line):
            close()
            lines.extend([f"## {line[:-1]}", ""])
        elif line.strip():
            close()
            lines.append(text(line))
    close()
    return "\n".join(lines).rstrip() + "\n"


def main(cygnet):
    PAGES.mkdir(exist_ok=True)
    for command in COMMANDS:
        printed = subprocess.run([cygnet, command, "--help"], check=True, capture_output=True, text=True).stdout
        (PAGES / f"{command}.md").write_text(page(command, printed))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
