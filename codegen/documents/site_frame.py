"""What a site has around each of its pages: navigation, neighbours, and texts to copy."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rot180.derive.display.mathml import Html

SEARCH = "contents.html"
"""The page that a search leads to."""


@dataclass(frozen=True)
class PageLink:
    """A link in the frame of a page.

    Attributes:
        title: its words, a text.
        address: the address of a page, relative to the folder of the site.

    """

    title: str
    address: str


@dataclass(frozen=True)
class Copyable:
    """A text to copy, with an address in it.

    Attributes:
        title: what it is for.
        before: the words before the address.
        address: the address, relative to the folder of the site; a script makes it absolute.
        after: the words after the address.

    """

    title: str
    before: str
    address: str
    after: str = ""


@dataclass(frozen=True)
class SiteFrame:
    """What surrounds a page of a site.

    Attributes:
        address: the address of the page, relative to the folder of the site.
        places: the address of each target of links, relative to the same.
        navigation: the links at the top of every page.
        above: the page that this one belongs to.
        before: the page before this one, if it is in a row of pages.
        after: the page after it.
        copies: texts to copy.

    """

    address: str
    places: Mapping[str, str]
    navigation: tuple[PageLink, ...]
    above: PageLink | None = None
    before: PageLink | None = None
    after: PageLink | None = None
    copies: tuple[Copyable, ...] = ()

    def way(self, address: str) -> str:
        """Return the way from this page to an address."""
        return "../" * self.address.count("/") + address

    def located(self, body: str, own: Collection[str]) -> Html:
        """Turn links within one document into links between the pages of the site.

        Args:
            body: HTML.
            own: the targets that are on this page.

        Raises:
            ValueError: a link leads nowhere.

        """

        def place(found: re.Match[str]) -> str:
            if found[1] in own:
                return found[0]
            if found[1] not in self.places:
                raise ValueError(f"{self.address}: found a link to {found[1]}, which is nowhere")
            return f'<a href="{self.way(self.places[found[1]])}"'

        # no text has this tag, for its angle bracket would be escaped
        return Html(re.sub(r'<a href="#([^"]*)"', place, body))
