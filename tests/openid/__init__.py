"""OpenID Connect against npm's oidc-provider: from an app there and back, on two nodes."""
