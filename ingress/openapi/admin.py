"""The operations of the admin API: the directory, its API keys, and whether a number may send."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from ingress.admin.asked import LONGEST_PAGE, PAGE
from ingress.admin.keyring import KeyFields, NewKey, Rotation
from ingress.admin.kinds import KINDS
from ingress.admin.subscribing import SecretRotation
from ingress.codes import Code
from ingress.openapi import errors
from ingress.openapi.errors import KEYED
from ingress.openapi.parts import FRESH, about, shows
from ingress.openapi.shapes import REF, untitled
from schemas.directory import SLUG_PATTERN

_TAG: Final = "Admin"
_SLUG: Final = SLUG_PATTERN
_AT: Final = "2026-04-30T10:15:00.000Z"
_NUMBER: Final = {
    "kind": "number",
    "id": "+14155550123",
    "organization": "acme",
    "account": "twilio-main",
    "number_kind": "long_code",
    "capabilities": ["mms", "sms"],
    "rate": 1.0,
    "burst": 1,
    "day_cap": 2000,
    "campaign": "acme-orders",
    "status": "active",
    "version": 3,
    "updated_at": _AT,
}
_ASSISTANT: Final = {"name": "Front desk", "numbers": ["+14155550123"]}
_KEY: Final = {
    "id": "website",
    "organization": "acme",
    "scopes": ["read", "send"],
    "rate": 20.0,
    "burst": 40,
    "status": "active",
    "revoked": False,
    "former_until": [],
    "version": 1,
    "updated_at": _AT,
}
_SECRET: Final = {"key": "helio_" + "0123456789abcdef" * 4, **_KEY}
_SIGNING: Final = {
    "id": "orders",
    "organization": "acme",
    "secret": "whsec_" + "c2VjcmV0IG9mIGEgc3Vic2NyaXB0aW9uLCAzMiBi",
    "former_until": [],
    "version": 1,
}
_TRIAL: Final = {
    "webhook_id": "0f9c1d0e-6a3b-5c53-9c3f-0a4f6f3a9b11",
    "url": "https://orders.example.com/texts",
    "event": {
        "type": "subscription.test",
        "timestamp": _AT,
        "data": {
            "type": "test.v1",
            "id": "7d0c7f0a-2f5e-4b9f-8a40-0d9f1b2c3d4e",
            "subscription": "orders",
            "organization": "acme",
            "at": 1777544100000,
        },
    },
}
_GONE: Final = {
    "kind": "assistant",
    "id": "front-desk",
    "organization": "acme",
    "deleted": True,
    "version": 4,
}
_CAN_SEND: Final = {
    "phone_number": "+14155550123",
    "can_send": True,
    "reason_code": None,
    "reason": None,
    "status": "active",
    "account": {"id": "twilio-main", "status": "active"},
    "campaign": {"id": "acme-orders", "registration": "verified"},
    "brand": {"id": "acme-inc", "registration": "verified"},
}
_CANNOT: Final = {
    **_CAN_SEND,
    "can_send": False,
    "reason_code": Code.CAMPAIGN_NOT_VERIFIED.value,
    "reason": "Campaign acme-orders is pending: a US long code needs a verified one",
    "campaign": {"id": "acme-orders", "registration": "pending"},
}
_ETAG: Final = {
    **FRESH,
    "ETag": {
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
        "description": "The version, for `If-Match`.",
    },
}
_ORGANIZATION: Final = {
    "name": "organization",
    "in": "query",
    "schema": {"type": "string", "pattern": _SLUG},
    "description": "Whose: for the operator's keys; others see and write their own alone.",
    "example": "acme",
}
_PAGE: Final = (
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": PAGE},
        "description": "At most so many.",
        "example": 50,
    },
    {
        "name": "cursor",
        "in": "query",
        "schema": {"type": "string"},
        "description": "As `next_cursor` of the page before.",
        "example": "+14155550123",
    },
)
_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string", "pattern": r'^((W/)?"?[0-9]{1,18}"?|\*)$'},
    "description": "The version that is to be changed; `*`: any, but there is one.",
    "example": '"3"',
}
_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"const": "*"},
    "description": "Only if there is none yet.",
    "example": "*",
}
_KIND: Final = {
    "name": "kind",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "enum": list(KINDS)},
    "description": "What sort of entity.",
    "example": "assistants",
}
_WRITES: Final = (Code.OPERATOR_ONLY, Code.CHANGED_MEANWHILE, Code.BROKER_UNAVAILABLE)
_BODY: Final = (Code.MALFORMED_JSON, Code.INVALID_ENTITY, Code.BODY_TOO_LARGE)


def paths() -> dict[str, Any]:
    """The paths of the admin API."""
    entity = _named("id", "The entity's id: as in a directory file.", "front-desk")
    key = _named("id", "The key's id.", "website")
    number = _named("number", "A number of yours, +E.164.", "+14155550123")
    return {
        "/v1/directory/{kind}": {"parameters": [_KIND, _ORGANIZATION], "get": _list()},
        "/v1/directory/{kind}/{id}": {
            "parameters": [_KIND, entity, _ORGANIZATION],
            "get": _read("entity", "An entity of the directory", "DirectoryEntity", _NUMBER),
            "put": _put(),
            "patch": _patch(),
            "delete": _delete("delete_entity", "Take an entity out", Code.IN_USE),
        },
        "/v1/keys": {"parameters": [_ORGANIZATION], "get": _keys(), "post": _create()},
        "/v1/keys/{id}": {
            "parameters": [key, _ORGANIZATION],
            "get": _read("key", "An API key", "ApiKeyAnswer", _KEY),
            "patch": _change(),
            "delete": _revoke(),
        },
        "/v1/keys/{id}/rotate": {"parameters": [key, _ORGANIZATION], "post": _rotate()},
        **_subscriptions(),
        "/v1/sms-compliance/can-send/{number}": {"parameters": [number], "get": _can_send()},
    }


def components() -> dict[str, Any]:
    """The schemas that the operations here refer to."""
    models = [*KINDS.values(), KeyFields, NewKey, Rotation, SecretRotation]
    _, schema = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    found = {name: _without_sets(untitled(one)) for name, one in schema["$defs"].items()}
    for model in KINDS.values():
        # What the path says is left out, or the same; what an answer says beside may be kept.
        fields = found[model.__name__]
        place = {"kind", "id", "organization"}
        fields["properties"] = {n: one for n, one in fields["properties"].items() if n not in place}
        fields["properties"]["version"] = {"type": "integer", "description": "As `If-Match`."}
        fields["required"] = [name for name in fields.get("required", ()) if name not in place]
        fields.pop("additionalProperties", None)
        fields["description"] = f"The fields of one of `{_named_kind(model)}`."
    return found | _answers()


def _without_sets(schema: dict[str, Any]) -> dict[str, Any]:
    """What is said twice in a set is taken as said once."""
    for field in schema.get("properties", {}).values():
        field.pop("uniqueItems", None)
    return schema


def _list() -> dict[str, Any]:
    page = {"items": [_NUMBER], "next_cursor": None}
    return {
        **about("entities", "Entities of the directory", _TAG),
        "parameters": list(_PAGE),
        "responses": {
            "200": {**shows("A page of them, by id.", "DirectoryPage", {"page": page}), "headers": FRESH},
            **_errors(Code.INVALID_FIELD, Code.OPERATOR_ONLY, Code.NOT_FOUND),
        },
    }


def _read(name: str, summary: str, model: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **about(name, summary, _TAG),
        "responses": {
            "200": {**shows("As it is.", model, {"one": dict(shown)}), "headers": _ETAG},
            **_errors(Code.ENTITY_NOT_FOUND, Code.OPERATOR_ONLY, Code.INVALID_FIELD, Code.NOT_FOUND),
        },
    }


def _put() -> dict[str, Any]:
    made = shows("It is made.", "DirectoryEntity", {"one": _NUMBER})
    changed = shows("It is as it was asked for.", "DirectoryEntity", {"one": _NUMBER})
    kinds = [{"$ref": REF.format(model=model.__name__)} for model in KINDS.values()]
    return {
        **about("put_entity", "Make or change an entity, whole", _TAG),
        "description": "Fields that the body leaves out get their defaults. An answer of `GET` may be put "
        "back as it is; its `version` then says what is to be changed. It is answered once it is read back.",
        "parameters": [_MATCH, _NONE_MATCH],
        "requestBody": _body({"anyOf": kinds}, _ASSISTANT),
        "responses": {
            "200": {**changed, "headers": _ETAG},
            "201": {**made, "headers": _ETAG},
            **_errors(*_WRITES, *_BODY, Code.INVALID_FIELD, Code.ID_TAKEN, Code.VERSION_MISMATCH,
                      Code.ENTITY_NOT_FOUND, Code.NOT_FOUND),
        },
    }  # fmt: skip


def _patch() -> dict[str, Any]:
    schema = {"type": "object", "description": "The fields to change; null: back to the default."}
    return {
        **about("patch_entity", "Change some fields of an entity", _TAG),
        "parameters": [_MATCH],
        "requestBody": _body(schema, {"status": "suspended"}),
        "responses": {
            "200": {**shows("It is changed.", "DirectoryEntity", {"one": _NUMBER}), "headers": _ETAG},
            **_errors(*_WRITES, *_BODY, Code.INVALID_FIELD, Code.VERSION_MISMATCH, Code.ENTITY_NOT_FOUND,
                      Code.NOT_FOUND),
        },
    }  # fmt: skip


def _delete(name: str, summary: str, *more: Code) -> dict[str, Any]:
    return {
        **about(name, summary, _TAG),
        "description": "Nothing of it is left, and its id is free, for every organization.",
        "parameters": [_MATCH],
        "responses": {
            "200": {**shows("It is gone.", "Deleted", {"one": _GONE}), "headers": FRESH},
            **_errors(*_WRITES, *more, Code.INVALID_FIELD, Code.VERSION_MISMATCH, Code.ENTITY_NOT_FOUND,
                      Code.NOT_FOUND),
        },
    }  # fmt: skip


def _keys() -> dict[str, Any]:
    page = {"items": [_KEY], "next_cursor": None}
    return {
        **about("keys", "API keys", _TAG),
        "parameters": list(_PAGE),
        "responses": {
            "200": {**shows("A page of them, by id.", "ApiKeyPage", {"page": page}), "headers": FRESH},
            **_errors(Code.INVALID_FIELD, Code.OPERATOR_ONLY),
        },
    }


def _create() -> dict[str, Any]:
    new = {"id": "website", "scopes": ["send", "read"], "rate": 20, "burst": 40}
    return {
        **about("create_key", "Make an API key", _TAG),
        "description": "The key itself is in this answer, and nowhere else.",
        "requestBody": _body({"$ref": REF.format(model="NewKey")}, new),
        "responses": {
            "201": {**shows("It is good from now on.", "ApiKeySecret", {"one": _SECRET}), "headers": FRESH},
            **_errors(*_WRITES, *_BODY, Code.INVALID_FIELD, Code.ID_TAKEN, Code.ENTITY_NOT_FOUND),
        },
    }


def _change() -> dict[str, Any]:
    schema = {"type": "object", "description": "The fields to change; null: back to the default."}
    return {
        **about("change_key", "Change scopes, rate or status of an API key", _TAG),
        "parameters": [_MATCH],
        "requestBody": _body(schema, {"scopes": ["read"]}),
        "responses": {
            "200": {**shows("It is changed.", "ApiKeyAnswer", {"one": _KEY}), "headers": _ETAG},
            **_errors(*_WRITES, *_BODY, Code.INVALID_FIELD, Code.VERSION_MISMATCH, Code.ENTITY_NOT_FOUND),
        },
    }


def _revoke() -> dict[str, Any]:
    shown = {**_KEY, "status": "suspended", "revoked": True, "version": 2}
    return {
        **about("revoke_key", "Revoke an API key, at once", _TAG),
        "description": "It stays in lists, and its id is not free: no directory file brings its secret back.",
        "parameters": [_MATCH],
        "responses": {
            "200": {**shows("Nothing opens by it.", "ApiKeyAnswer", {"one": shown}), "headers": _ETAG},
            **_errors(*_WRITES, Code.INVALID_FIELD, Code.VERSION_MISMATCH, Code.ENTITY_NOT_FOUND),
        },
    }


def _rotate() -> dict[str, Any]:
    body = _body({"$ref": REF.format(model="Rotation")}, {"good_for": 3600})
    shown = {**_SECRET, "former_until": ["2026-04-30T11:15:00.000Z"], "version": 2}
    return {
        **about("rotate_key", "Replace an API key by a new one", _TAG),
        "description": "The former one stays good for `good_for` seconds.",
        "parameters": [_MATCH],
        "requestBody": {**body, "required": False},
        "responses": {
            "200": {**shows("The new key.", "ApiKeySecret", {"one": shown}), "headers": FRESH},
            **_errors(*_WRITES, *_BODY, Code.INVALID_FIELD, Code.VERSION_MISMATCH, Code.ENTITY_NOT_FOUND),
        },
    }


def _subscriptions() -> dict[str, Any]:
    place = [_named("id", "The subscription's id.", "orders"), _ORGANIZATION]
    return {
        "/v1/subscriptions/{id}/secret": {"parameters": place, "get": _secret()},
        "/v1/subscriptions/{id}/rotate": {"parameters": place, "post": _rotate_secret()},
        "/v1/subscriptions/{id}/test": {"parameters": place, "post": _test()},
    }


def _secret() -> dict[str, Any]:
    shown = shows("The newest secret.", "SubscriptionSecret", {"one": _SIGNING})
    return {
        **about("subscription_secret", "What a subscription's events are signed with", _TAG),
        "responses": {
            "200": {**shown, "headers": FRESH},
            **_errors(Code.ENTITY_NOT_FOUND, Code.OPERATOR_ONLY, Code.INVALID_FIELD),
        },
    }


def _rotate_secret() -> dict[str, Any]:
    body = _body({"$ref": REF.format(model="SecretRotation")}, {"keep_seconds": 3600})
    shown = {**_SIGNING, "former_until": ["2026-04-30T11:15:00.000Z"], "version": 2}
    return {
        **about("rotate_subscription_secret", "Replace a subscription's secret by a new one", _TAG),
        "description": "Events are signed with the former one as well, for `keep_seconds`.",
        "parameters": [_MATCH],
        "requestBody": {**body, "required": False},
        "responses": {
            "200": {**shows("The new secret.", "SubscriptionSecret", {"one": shown}), "headers": FRESH},
            **_errors(*_WRITES, *_BODY, Code.INVALID_FIELD, Code.VERSION_MISMATCH, Code.ENTITY_NOT_FOUND,
                      Code.TOO_MANY_SECRETS),
        },
    }  # fmt: skip


def _test() -> dict[str, Any]:
    shown = shows("It is on its way.", "SubscriptionTrial", {"one": _TRIAL})
    return {
        **about("test_subscription", "Have an event told to try a subscription out", _TAG),
        "description": "The endpoint is POSTed a `subscription.test`, whatever events it asks for; tried "
        "again like any other where it does not answer.",
        "responses": {
            "202": {**shown, "headers": FRESH},
            **_errors(Code.ENTITY_NOT_FOUND, Code.OPERATOR_ONLY, Code.INVALID_FIELD, Code.INVALID_ENTITY,
                      Code.BROKER_UNAVAILABLE),
        },
    }  # fmt: skip


def _can_send() -> dict[str, Any]:
    shown = {"can": _CAN_SEND, "cannot": _CANNOT}
    return {
        **about("can_send", "Whether one of your numbers may send through use cases", _TAG),
        "responses": {
            "200": {**shows("Whether, and why not.", "CanSend", shown), "headers": FRESH},
            **errors.responses((*KEYED, Code.ENTITY_NOT_FOUND)),
        },
    }


def _errors(*codes: Code) -> dict[str, Any]:
    return errors.responses(tuple(dict.fromkeys((*codes, *KEYED))))


def _body(schema: dict[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "required": True,
        "content": {"application/json": {"schema": schema, "examples": {"one": {"value": dict(example)}}}},
    }


def _named(name: str, description: str, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "description": description,
        "example": example,
    }


def _named_kind(model: type) -> str:
    return next(name for name, one in KINDS.items() if one is model)


def _answers() -> dict[str, Any]:
    version = {
        "version": {"type": "integer", "minimum": 1},
        "updated_at": {"type": "string", "format": "date-time"},
    }
    text, true = {"type": "string"}, {"const": True}
    entity = {"kind": text, "id": text, "organization": text, **version}
    scope = {"type": "string", "enum": ["admin", "read", "send"]}
    key = {
        "id": text, "organization": text, "scopes": {"type": "array", "items": scope},
        "rate": {"type": ["number", "null"], "description": "Requests per second; null: no limit."},
        "burst": {"type": "integer", "minimum": 1},
        "status": {"type": "string", "enum": ["active", "suspended"]},
        "revoked": {"type": "boolean", "description": "Nothing opens by it, until it is rotated."},
        "former_until": {
            "type": "array", "items": {"type": "string", "format": "date-time"},
            "description": "Until when those that it replaced are still good, newest first.",
        },
        **version,
    }  # fmt: skip
    secret = {"key": {"type": "string", "description": "The key itself: shown this once."}, **key}
    signing = {
        "id": text, "organization": text,
        "secret": {"type": "string", "pattern": "^whsec_", "description": "As Standard Webhooks write it."},
        "former_until": {
            "type": "array", "items": {"type": "string", "format": "date-time"},
            "description": "Until when those that it replaced sign as well, newest first.",
        },
        "version": version["version"],
    }  # fmt: skip
    trial = {
        "webhook_id": {"type": "string", "description": "The header `webhook-id` that it comes with."},
        "url": {"type": "string", "description": "Where it goes."},
        "event": {"type": "object", "description": "The body: `docs/contracts/sms.event.v1.schema.json`."},
    }
    part = {"type": ["object", "null"], "description": "Null: it has none."}
    can_send = {
        "phone_number": text, "can_send": {"type": "boolean"},
        "reason_code": {"type": ["string", "null"], "description": "Why not, of `docs/errors.md`."},
        "reason": {"type": ["string", "null"], "description": "Why not, in one sentence."},
        "status": {"type": "string", "enum": ["active", "suspended"], "description": "The number's."},
        "account": part, "campaign": part, "brand": part,
    }  # fmt: skip
    return {
        "DirectoryEntity": _object("An entity, with the fields of its kind beside these.", entity),
        "DirectoryPage": _page_of("DirectoryEntity"),
        "Deleted": _object("What is gone.", {"kind": text, "id": text, "organization": text, "deleted": true,
                                             "version": version["version"]}),
        "ApiKeyAnswer": _object("An API key, without its secret.", key),
        "ApiKeyPage": _page_of("ApiKeyAnswer"),
        "ApiKeySecret": _object("An API key, with its secret.", secret),
        "SubscriptionSecret": _object("What a subscription's events are signed with.", signing),
        "SubscriptionTrial": _object("An event that tries a subscription out.", trial),
        "CanSend": _object("Whether a number may send, and what stands in the way.", can_send),
    }  # fmt: skip


def _object(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
    }


def _page_of(model: str) -> dict[str, Any]:
    items = {"type": "array", "items": {"$ref": REF.format(model=model)}}
    cursor = {"type": ["string", "null"], "description": "Null: it is the last page."}
    return _object("Part of a list.", {"items": items, "next_cursor": cursor})
