"""Intent: what a site file says a cluster must be."""

from gntverify.site.load import default_site, load_site
from gntverify.site.model import Site

__all__ = ["Site", "default_site", "load_site"]
