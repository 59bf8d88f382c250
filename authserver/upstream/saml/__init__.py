"""SAML 2.0, service-provider side: sign-in that begins here, answers that are signed. SA-1 to SA-10.

document.py reads XML, signature.py proves it, response.py and assertion.py judge what it says, attributes.py makes
an identity of it. request.py asks, metadata.py reads and writes what each side publishes, kind.py is the provider.
"""
