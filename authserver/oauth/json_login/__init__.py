"""The JSON sign-in of first-party apps: the login of the pages, asked and answered without one.

It neither reads nor sets cookies. Between its steps the app holds a token that names the login, and nothing else. SU-1.
"""
