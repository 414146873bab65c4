"""Checks each example of a document against its schema: of bodies, parameters, headers and problems."""

import json
import sys

from jsonschema import Draft202012Validator

document = json.load(open(sys.argv[1], encoding="utf-8"))
count = 0


def resolve(value):
    while "$ref" in value:
        target = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


def check(schema, example):
    global count
    count += 1
    Draft202012Validator({**schema, "components": document["components"]}).validate(example)


def visit(value):
    if isinstance(value, list):
        for item in value:
            visit(item)
    elif isinstance(value, dict):
        schema = value.get("schema")
        if isinstance(schema, dict) and "example" in value:
            check(schema, value["example"])
        if isinstance(schema, dict) and isinstance(value.get("examples"), dict):
            for example in value["examples"].values():
                check(schema, resolve(example)["value"])
        if "x-item-schema" in (schema or {}):
            for line in value["example"].splitlines():
                check(schema["x-item-schema"], json.loads(line))
        for member in value.values():
            visit(member)


visit(document)
print(f"{count} examples are as their schemas say")
