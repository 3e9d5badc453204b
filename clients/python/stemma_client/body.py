"""The base of all bodies."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """A body as the API sends it. Members that this version does not know yet are kept, not refused."""

    model_config = ConfigDict(populate_by_name=True, extra="allow")
