"""A typed client of the Stemma API.

from stemma_client import Stemma

with Stemma("https://api.example.org") as stemma:
    for item in stemma.list_catalog(q="blue", limit=10).items:
        print(item.title, item.work_id)
"""

from stemma_client.operations import AsyncStemma, Stemma
from stemma_client.transport import Event, StemmaError

__all__ = ["AsyncStemma", "Event", "Stemma", "StemmaError"]
