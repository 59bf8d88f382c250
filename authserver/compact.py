"""JSON without spaces, by an encoder that is made once: json.dumps with arguments makes one for each call."""

from json import JSONEncoder

dumps = JSONEncoder(separators=(",", ":")).encode
# Whatever else an audit event holds is told as text.
dumps_any = JSONEncoder(separators=(",", ":"), default=str).encode
