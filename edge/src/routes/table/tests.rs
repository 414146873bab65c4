//! Tests of the table of routes, and of the document that repeats it.

use std::collections::HashSet;

use super::*;

/// A path of a route, with this value as its parameter.
const VALUE: &str = "a%20b";
const DECODED: &str = "a b";

fn path_of(route: &Route) -> String {
    let segments = route.path.split('/');
    let segments = segments.map(|segment| if segment.starts_with('{') { VALUE } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// The same path with some characters of its segments encoded.
fn encoded(path: &str) -> String {
    path.replace('o', "%6F").replace('v', "%76").replace(':', "%3a")
}

fn allow(routes: &[Route], method: &Method, path: &str) -> String {
    match find(routes, method, path) {
        Err(Problem::MethodNotAllowed { allowed }) => allowed,
        other => panic!("{method} {path}: {other:?}"),
    }
}

#[test]
fn every_route_is_found_by_its_method_and_path_with_its_parameter() {
    for route in ROUTES {
        let path = path_of(route);
        let parameter = if path == route.path { "" } else { DECODED };
        for path in [path.clone(), encoded(&path)] {
            let (found, value) = find(ROUTES, &route.method, &path).unwrap();
            assert_eq!((found.endpoint, &*value), (route.endpoint, parameter), "{path}");
        }
    }
}

#[test]
fn a_path_matches_its_own_template_and_no_other() {
    for route in ROUTES {
        let path = path_of(route);
        let matching = ROUTES.iter().filter(|other| other.match_path(&path).is_some());
        let matching: HashSet<_> = matching.map(|other| other.path).collect();
        assert_eq!(matching, HashSet::from([route.path]), "{path}");
    }
}

#[test]
fn a_shorter_longer_or_misspelt_path_does_not_match() {
    for route in ROUTES {
        let path = path_of(route);
        let (parent, _) = path.rsplit_once('/').unwrap();
        let longer = [format!("{path}/"), format!("{path}/more"), format!("{path}//")];
        let misspelt = [format!("/{path}"), path.replacen('/', "/x", 1), path.to_uppercase()];
        let paths = [longer, misspelt].concat().into_iter().chain([parent.into(), "/".into()]);
        for other in paths {
            assert_eq!(route.match_path(&other), None, "{other} at {}", route.path);
        }
    }
    for path in ["", "*", "/", "//", "/v1", "/v1/orders/", "/v1/stock/", "/v1/orders/x/y"] {
        let found = find(ROUTES, &Method::GET, path);
        assert!(matches!(found, Err(Problem::NotFound)), "{path}: {found:?}");
    }
}

#[test]
fn a_method_that_a_path_does_not_have_is_answered_with_all_that_it_has() {
    for route in ROUTES {
        let methods = ROUTES.iter().filter(|other| other.path == route.path).map(|other| {
            if other.method == Method::GET { "GET, HEAD" } else { other.method.as_str() }
        });
        let expected = methods.collect::<Vec<_>>().join(", ");
        let path = path_of(route);
        assert_eq!(allow(ROUTES, &Method::TRACE, &path), format!("{expected}, OPTIONS"));
        assert_eq!(allowed(ROUTES, &path).unwrap(), format!("{expected}, OPTIONS"));
    }
    let several = [
        post("/v1/orders", Endpoint::PlaceOrder, ""),
        get("/livez", Endpoint::Livez, ""),
        get("/v1/orders", Endpoint::GetOrderStatus, ""),
    ];
    assert_eq!(allow(&several, &Method::PUT, "/v1/orders"), "POST, GET, HEAD, OPTIONS");
    let (found, _) = find(&several, &Method::HEAD, "/v1/orders").unwrap();
    assert_eq!(found.endpoint, Endpoint::GetOrderStatus);
}

#[test]
fn options_are_those_of_a_path_or_of_the_server() {
    assert_eq!(allowed(ROUTES, "*").unwrap(), "POST, GET, HEAD, OPTIONS");
    assert!(matches!(allowed(ROUTES, "/nowhere"), Err(Problem::NotFound)));
    assert!(matches!(allowed(ROUTES, "/v1/stock/%"), Err(Problem::MalformedPath)));
}

#[test]
fn an_encoded_slash_separates_nothing_and_a_faulty_encoding_is_no_path() {
    let (found, sku) = find(ROUTES, &Method::GET, "/v1/stock/a%2Fb").unwrap();
    assert_eq!((found.endpoint, &*sku), (Endpoint::GetStock, "a/b"));
    let found = find(ROUTES, &Method::GET, "/v1%2Fstock");
    assert!(matches!(found, Err(Problem::NotFound)), "{found:?}");
    for path in ["/v1/stock/%", "/v1/stock/%4", "/v1/stock/%FF", "/%zz"] {
        let found = find(ROUTES, &Method::GET, path);
        assert!(matches!(found, Err(Problem::MalformedPath)), "{path}: {found:?}");
    }
}

#[test]
fn head_is_answered_where_get_is() {
    for route in ROUTES {
        let path = path_of(route);
        let found = find(ROUTES, &Method::HEAD, &path).map(|(route, _)| route.endpoint);
        let mut gets = ROUTES.iter().filter(|other| other.method == Method::GET);
        let get = gets.find(|other| other.path == route.path);
        assert_eq!(found.ok(), get.map(|get| get.endpoint), "{path}");
    }
}

#[test]
fn no_two_routes_have_the_same_method_and_path() {
    let names: HashSet<_> = ROUTES.iter().map(|route| (&route.method, route.path)).collect();
    assert_eq!(names.len(), ROUTES.len());
}

#[test]
fn a_path_has_at_most_one_parameter_which_is_a_whole_segment() {
    for route in ROUTES {
        assert!(route.path.starts_with('/'), "{}", route.path);
        let parameters = route.path.split('/').filter(|segment| segment.contains(['{', '}']));
        let parameters: Vec<_> = parameters.collect();
        assert!(parameters.len() <= 1, "{}", route.path);
        for parameter in parameters {
            let name = parameter.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            assert!(name.is_some_and(|name| !name.is_empty()), "{}", route.path);
        }
    }
}

#[test]
fn the_document_of_the_crate_lists_each_route_in_order_with_its_summary() {
    let document = include_str!("../../lib.rs");
    let rows = document.lines().filter(|line| line.starts_with("//! | `"));
    let rows: Vec<_> = rows.map(|row| row.rsplitn(3, '|').last().unwrap().trim_end()).collect();
    let expected = ROUTES
        .iter()
        .map(|Route { method, path, summary, .. }| format!("//! | `{method} {path}` | {summary}"));
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[test]
fn the_document_of_the_api_lists_each_path_with_its_methods() {
    let document = include_str!("../../../../docs/API.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `/"));
    let mut documented = HashSet::new();
    for row in rows {
        let (paths, methods) = row.split_once("` | `").unwrap();
        let methods = methods.trim_end_matches("` |");
        for path in paths.split("`, `/") {
            let path = format!("/{path}");
            assert_eq!(allowed(ROUTES, &path).unwrap(), methods, "{path}");
            documented.insert(path);
        }
    }
    assert_eq!(documented, ROUTES.iter().map(|route| route.path.to_owned()).collect());
}
