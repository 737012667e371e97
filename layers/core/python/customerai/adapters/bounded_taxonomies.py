"""Taxonomies, for whoever cannot wait until the store's client gives up."""

from functools import partial

from customerai.adapters.patience import Patience
from customerai.domain.taxonomy import Taxonomy
from customerai.ports import TaxonomyReader


class BoundedTaxonomies:
    """``customerai.ports.TaxonomyReader``: unavailable where it takes more than ``seconds``."""

    def __init__(self, reader: TaxonomyReader, seconds: float) -> None:
        self._reader = reader
        self._seconds = seconds
        self._patience = Patience("store")

    def get(self, tenant: str) -> Taxonomy | None:
        return self._patience.wait(self._seconds, partial(self._reader.get, tenant))
