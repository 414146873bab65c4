//! Tests of the table of routes.

use std::collections::HashSet;

use super::*;

#[test]
fn each_path_matches_its_own_template_and_no_other_one() {
    for route in &ROUTES {
        let path = route.path.replace(['{', '}'], "");
        let matching = ROUTES.iter().filter(|other| matched(other.path, &path).is_some());
        assert!(matching.into_iter().all(|other| other.path == route.path), "{path}");
        assert_eq!(
            find(&route.method, &path).map(|(endpoint, _)| endpoint).ok(),
            Some(route.endpoint)
        );
        for other in
            [format!("{path}/"), format!("{path}/more"), format!("/{path}"), path.to_uppercase()]
        {
            assert_eq!(matched(route.path, &other), None, "{other}");
        }
    }
}

#[test]
fn the_segment_in_braces_is_passed_on_and_never_empty() {
    assert_eq!(matched("/v1/orders/{id}/cancel", "/v1/orders/abc/cancel"), Some("abc"));
    assert_eq!(matched("/v1/stock/{sku}", "/v1/stock/A%2FB"), Some("A%2FB"));
    assert_eq!(matched("/v1/stock/{sku}", "/v1/stock/"), None);
    assert_eq!(matched("/v1/orders/{id}/cancel", "/v1/orders//cancel"), None);
}

#[test]
fn a_method_that_a_path_does_not_have_is_answered_with_those_that_it_has() {
    let refused = |method, path| match find(&method, path) {
        Err(Problem::MethodNotAllowed { allowed }) => allowed,
        _ => "none refused".to_owned(),
    };
    assert_eq!(refused(Method::GET, "/v1/orders"), "POST");
    assert_eq!(refused(Method::DELETE, "/v1/orders/abc"), "GET, HEAD");
    assert_eq!(refused(Method::OPTIONS, "/readyz"), "GET, HEAD");
    assert!(find(&Method::HEAD, "/livez").is_ok());
    assert!(matches!(find(&Method::GET, "/v2/orders"), Err(Problem::NotFound)));
}

#[test]
fn no_two_routes_have_the_same_method_and_path() {
    let distinct: HashSet<_> = ROUTES.iter().map(|route| (&route.method, route.path)).collect();
    assert_eq!(distinct.len(), ROUTES.len());
}

#[test]
fn every_route_is_in_the_table_of_this_crate() {
    let table = include_str!("../lib.rs");
    for route in &ROUTES {
        let entry = format!("`{} {}", route.method, route.path);
        assert!(table.contains(&entry), "{entry} is missing in lib.rs");
    }
}
