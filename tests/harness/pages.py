"""The English help pages, where the front end looks for them."""

from pathlib import Path

from .host.locations import ROOT

PAGES = ROOT / "web" / "docs"


def english_copy(page: Path) -> Path:
    """Where the front end asks for a page first, if it speaks English.

    Args:
        page: ``<NodeId>.md``, which it asks for in languages without a page of their own.
    """
    return page.with_suffix("") / "en.md"


def copy_pages() -> list[Path]:
    """Put each English page there too, and give those that were not the same."""
    changed = []
    for page in sorted(PAGES.glob("*.md")):
        copy, text = english_copy(page), page.read_bytes()
        if not copy.is_file() or copy.read_bytes() != text:
            copy.write_bytes(text)
            changed.append(copy)
    return changed
