"""Mail: written down in the transaction that has a reason for it, delivered afterwards by background work.

To send a mail of a new kind:

1. Name it in `letters.LETTERS`, with the values that its text may use and how long it is of any use.
2. Write `texts/en/NAME.txt` and `texts/de/NAME.txt`. The first line is `Subject: …`; then come paragraphs with an empty
   line between them. A paragraph `[See your devices]` is the one button; it leads to the mail's link. A paragraph
   `# {{ code }}` is shown large. Texts know `{{ value }}`, `{% if value %}` within a paragraph, and nothing else;
   besides the letter's own values there are site_name, issuer, support_contact and link. The last paragraph says what
   to do for somebody who did not ask for it. Text and HTML are both made from this one source.
3. Call, in the transaction of the act (nothing is sent if that does not commit):

       outbox.enqueue(db, issuer, to=user.email, template="new_device", locale=user.locale,
                      values={"device": "Firefox on Linux", "at": now}, link="/account/devices", user=user.id)

   `link` is a path of ours, with its query: the address before it is the configured issuer's, always. A datetime
   among the values is shown as people of the mail's language write it. Nothing waits here: there is no network.

Whether mail can be sent at all says `outbox.can_send(issuer)`; what depends on it is better not offered without it.
In tests `world.mails()` gives what was written (tests/flow/world.py), and tests/peers/smtp.py is a real server.
"""
