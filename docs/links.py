"""Fails where a link or a picture of a page leads nowhere on this machine; other hosts are not asked.

    docs/links.py FOLDER-OF-HTML-OR-MARKDOWN-FILE...
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Names that a page can be entered at, and where it leads."""

    def __init__(self, html):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("id", "name") and value:
                self.ids.add(value)
            # rustdoc names a script for each public trait, also where there is none to list.
            if name in ("href", "src") and value and tag != "script":
                self.links.append(value)


def markdown(source):
    """A Markdown file as a page: its headings, its links and pictures, outside of code."""
    page = Page("")
    source = re.sub(r"^```.*?^```", "", source, flags=re.S | re.M)
    for heading in re.findall(r"^#+ (.*)$", source, re.M):
        page.ids.add(re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-"))
    source = re.sub(r"`[^`]*`", "", source)
    page.links = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", source)
    page.links = [one or other for one, other in page.links]
    return page


def read(path, pages={}):
    if path not in pages:
        source = path.read_text(errors="replace")
        pages[path] = Page(source) if path.suffix == ".html" else markdown(source)
    return pages[path]


def broken(path):
    """The links of a page that lead nowhere."""
    for link in read(path).links:
        scheme, host, target, _, fragment = urlsplit(link)
        if scheme or host:
            continue
        to = (path.parent / unquote(target)).resolve() if target else path
        to = to / "index.html" if to.is_dir() and path.suffix == ".html" else to
        if not to.exists():
            yield link
        # Lines of a source file have no names.
        elif fragment and to.suffix in (".html", ".md") and not to.name.endswith(".rs.html"):
            # rustdoc's names keep the %3C of a link.
            if not {fragment, unquote(fragment)} & read(to).ids:
                yield link


def main(places):
    files = [file for place in map(Path, places) for file in (sorted(place.rglob("*.html")) if place.is_dir() else [place])]
    faults = [f"{file}: {link}" for file in files for link in broken(file.resolve())]
    print("\n".join(faults) or f"{len(files)} pages: every link and picture is there")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
