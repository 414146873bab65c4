//! What a response says about a quota: the fields of draft-ietf-httpapi-ratelimit-headers-11.

use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use super::gcra::Verdict;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

impl Verdict {
    /// Adds the policy, and what is left of it.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        let Self { refused_for, remaining, full_after, policy } = self;
        let until = seconds(refused_for.unwrap_or(*full_after));
        let (name, quota) = (policy.name, policy.requests);
        headers.insert(RATELIMIT, value(format!(r#""{name}";r={remaining};t={until}"#)));
        headers.insert(RATELIMIT_POLICY, value(format!(r#""{name}";q={quota};w=1"#)));
        if refused_for.is_some() {
            headers.insert(RETRY_AFTER, HeaderValue::from(until));
        }
    }

    /// The name of the policy that was applied.
    pub(crate) const fn policy_name(&self) -> &'static str {
        self.policy.name
    }

    /// How many requests a second it permits.
    pub(crate) const fn quota(&self) -> u32 {
        self.policy.requests
    }
}

/// Whole seconds, at least one: a client that waits for less comes too early.
fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1_000).max(1) as u64
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("names and numbers are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::super::gcra::Policy;
    use super::*;

    fn headers(refused_for: Option<u64>) -> Vec<String> {
        let policy = Policy { name: "caller", requests: 100 };
        let refused_for = refused_for.map(Duration::from_millis);
        let full_after = Duration::from_millis(400);
        let mut headers = HeaderMap::new();
        Verdict { refused_for, remaining: 7, full_after, policy }.add_to(&mut headers);
        let shown =
            [RATELIMIT, RATELIMIT_POLICY, RETRY_AFTER].map(|name| headers.get(name).cloned());
        shown.into_iter().flatten().map(|it| it.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_response_says_the_policy_and_what_is_left_of_it() {
        let [left, policy] = [r#""caller";r=7;t=1"#, r#""caller";q=100;w=1"#];
        assert_eq!(headers(None), [left, policy]);
        let later = r#""caller";r=7;t=2"#;
        assert_eq!(headers(Some(1_001)), [later, policy, "2"]);
    }
}
