"""Every refusal has a reference; this is what joins it to its reason."""

from authserver.refusals.batch import Refusals
from authserver.refusals.explain import Explanation, find

__all__ = ["Explanation", "Refusals", "find"]
