"""Who acts: a person, a client, an API token, the command line, or the server itself."""

from typing import Literal, NamedTuple


class Actor(NamedTuple):
    kind: Literal["user", "client", "api_token", "cli", "system", "stranger"]
    id: str = ""
    name: str = ""
    role: str | None = None
    session: str | None = None
    ip: str = ""
    user_agent: str = ""

    @property
    def label(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind


SYSTEM = Actor(kind="system", role="owner")
