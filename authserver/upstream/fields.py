"""Fields of settings that need a word of their own: secrets are read as such, and never written out."""

from typing import Annotated, Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from authserver.opaque import Secret

LONGEST = 32_768


class _Sealed:
    """Marks a field as secret: text comes in, an ellipsis goes out."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        shown = core_schema.plain_serializer_function_ser_schema(str)
        return core_schema.no_info_plain_validator_function(_secret, serialization=shown)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "format": "password", "writeOnly": True, "maxLength": LONGEST}


SecretText = Annotated[Secret, _Sealed]


def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """The names of a model's secret fields."""
    return frozenset(name for name, field in model.model_fields.items() if _Sealed in field.metadata)


def _secret(value: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "This must be text.")
    if len(value) > LONGEST:
        raise PydanticCustomError("too_long", "This is too long.")
    return Secret(value)
