//! Checks a JSON value by a schema of the document: what its schemas use of JSON Schema, without patterns and
//! formats. A member that no schema of its object names is a fault.

use std::collections::BTreeSet;

use serde_json::Value;

use super::resolve;

/// Checks the value at `pointer` of a body.
pub(super) fn check_schema(
    schema: &'static Value,
    value: &Value,
    pointer: &str,
) -> Result<(), String> {
    check(schema, value, pointer)?;
    let Some(members) = value.as_object() else { return Ok(()) };
    let documented = members_of(schema, value);
    match members.keys().find(|name| !documented.contains(name.as_str())) {
        Some(name) if resolve(schema)["properties"].is_object() || has_parts(schema) => {
            Err(format!("{pointer}/{name} is not documented"))
        }
        _ => Ok(()),
    }
}

fn check(schema: &'static Value, value: &Value, pointer: &str) -> Result<(), String> {
    let schema = resolve(schema);
    if schema["const"] != Value::Null && schema["const"] != *value {
        return Err(format!("{pointer} is {value}, not {}", schema["const"]));
    }
    if schema["enum"].as_array().is_some_and(|names| !names.contains(value)) {
        return Err(format!("{pointer} is {value}, which is none of {}", schema["enum"]));
    }
    for part in parts(schema, "allOf") {
        check(part, value, pointer)?;
    }
    check_one(schema, value, pointer)?;
    check_type(&schema["type"], value, pointer)?;
    check_bounds(schema, value, pointer)?;
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        if value.is_object() && value.get(name).is_none() {
            return Err(format!("{pointer}: {name} is missing"));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let properties = &schema["properties"];
        let schema = properties.get(name).unwrap_or(&schema["additionalProperties"]);
        if schema.is_object() {
            check_schema(schema, member, &format!("{pointer}/{name}"))?;
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            check_schema(&schema["items"], item, &format!("{pointer}/{index}"))?;
        }
    }
    Ok(())
}

/// One of the alternatives must be fulfilled, if there are some.
fn check_one(schema: &'static Value, value: &Value, pointer: &str) -> Result<(), String> {
    let faults = alternatives(schema).map(|it| check_schema(it, value, pointer));
    let faults: Vec<_> = faults.collect();
    let faults: Vec<_> = if faults.iter().any(Result::is_ok) { Vec::new() } else { faults };
    let faults: Vec<_> = faults.into_iter().filter_map(Result::err).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join(" or ")) }
}

fn check_type(types: &Value, value: &Value, pointer: &str) -> Result<(), String> {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the document uses the type {other}"),
    };
    let names: Vec<_> = match types {
        Value::Null => return Ok(()),
        Value::String(name) => vec![name.as_str()],
        names => names.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect(),
    };
    let is_fulfilled = names.iter().any(|name| is(name));
    let fault = || format!("{pointer} is {value}, not {}", names.join(" or "));
    if is_fulfilled { Ok(()) } else { Err(fault()) }
}

fn check_bounds(schema: &Value, value: &Value, pointer: &str) -> Result<(), String> {
    let (size, least, most) = match value {
        Value::Number(number) => (number.as_i64(), "minimum", "maximum"),
        Value::String(text) => (Some(text.chars().count() as i64), "minLength", "maxLength"),
        Value::Array(items) => (Some(items.len() as i64), "minItems", "maxItems"),
        Value::Object(members) => (Some(members.len() as i64), "minProperties", "maxProperties"),
        _ => return Ok(()),
    };
    match (size, schema[least].as_i64(), schema[most].as_i64()) {
        (Some(size), Some(min), _) if size < min => Err(format!("{pointer} is below {min}")),
        (Some(size), _, Some(max)) if size > max => Err(format!("{pointer} is above {max}")),
        _ => Ok(()),
    }
}

/// The names of the members that the schemas of `value` have.
fn members_of(schema: &'static Value, value: &Value) -> BTreeSet<&'static str> {
    let schema = resolve(schema);
    let mut names = BTreeSet::new();
    names.extend(
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()),
    );
    for part in parts(schema, "allOf") {
        names.extend(members_of(part, value));
    }
    for part in alternatives(schema).filter(|it| check_schema(it, value, "").is_ok()) {
        names.extend(members_of(part, value));
    }
    names
}

fn alternatives(schema: &'static Value) -> impl Iterator<Item = &'static Value> {
    parts(schema, "anyOf").chain(parts(schema, "oneOf"))
}

fn parts(schema: &'static Value, keyword: &str) -> impl Iterator<Item = &'static Value> + use<> {
    schema[keyword].as_array().into_iter().flatten()
}

fn has_parts(schema: &Value) -> bool {
    ["allOf", "anyOf", "oneOf"].iter().any(|keyword| schema[keyword].is_array())
}
