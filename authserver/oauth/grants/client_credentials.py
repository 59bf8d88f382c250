"""grant_type=client_credentials. RFC 6749 §4.4: a client acts for itself. TK-8."""

from collections.abc import Mapping

from authserver.apis.allow import for_client
from authserver.clients.client import Client
from authserver.oauth.errors import invalid_request, unauthorized_client
from authserver.oauth.server import Grant
from authserver.tokens.issue import TokenSet, Wanted, issue_tokens


class ClientCredentials(Grant):
    GRANT_TYPE = "client_credentials"

    def admit(self, client: Client, form: Mapping[str, str]) -> None:
        if client.is_public:
            raise unauthorized_client("a public client cannot act for itself", rule="public_client")
        if form.get("scope") == "":
            raise invalid_request("scope is empty", rule="scope_empty")

    def tokens(self, client: Client) -> TokenSet:
        form = self.request.edge.form
        allowed = for_client(self.issuer, client, scope=form.get("scope"), resource=form.get("resource"))
        return issue_tokens(self.issuer, client, Wanted(scope=allowed.scope, resources=allowed.resources))
