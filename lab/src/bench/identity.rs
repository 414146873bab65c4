//! `identity`: what authenticated callers with quotas cost: orders acknowledged while no worker runs, compared with an
//! edge that knows no callers. Once with tokens that the edge has verified before, and once with a new token for each
//! order.

mod rs256;

use std::path::PathBuf;

use anyhow::{Context, Result};
use edge::{Scope, TOKEN_PARTY_DEFAULT, TokenClaims, TokenSigner};
use orders::CallerName;
use serde_json::json;

use super::cluster::{BenchCluster, ClusterSpec};
use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use super::load_run::{Load, closed};
use super::measurements::Measurements;
use crate::load::{Phase, Requests};
use crate::order_client::new_key_prefix;
use rs256::Rs256Signer;

/// Callers who take turns: each stays below its quota.
const CALLERS: usize = 1_000;
/// Orders with a new token each in one repetition: their signatures take some seconds to make.
const NEW_TOKENS: usize = 10_000;

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let (known, fresh) = (TokenSigner::new(rand::random()), Rs256Signer::new()?);
    let keys = context.file("jwks.json");
    let set = json!({"keys": [known.public_jwk(), fresh.public_jwk()]});
    std::fs::write(&keys, set.to_string()).context("cannot write the keys")?;

    let spec = ClusterSpec::without_workers(context.profile());
    let with_tokens = ClusterSpec { token_keys: Some(keys), ..spec.clone() };
    let mut none = BenchCluster::start(context, "identity: none", spec).await?;
    let mut keys = BenchCluster::start(context, "identity: keys", with_tokens).await?;
    let known = write_known_tokens(context, &known)?;
    for repetition in 0..REPETITIONS {
        let phase = closed(CONNECTIONS, context.time);
        let public = acknowledged(context, measurements, &mut none, ("none", None, phase)).await?;
        let tokens = ("known tokens", Some(known.clone()), phase);
        let rate = acknowledged(context, measurements, &mut keys, tokens).await?;
        measurements.add_figure("intake_identity_vs_none", "ratio", rate / public);
        let tokens = write_fresh_tokens(context, &fresh, repetition)?;
        let phase = Phase { orders_max: Some(NEW_TOKENS as u64), ..phase };
        let tokens = ("new RS256 tokens", Some(tokens), phase);
        let rate = acknowledged(context, measurements, &mut keys, tokens).await?;
        measurements.add_figure("intake_new_rs256_vs_none", "ratio", rate / public);
    }
    none.finish(context, measurements).await?;
    keys.finish(context, measurements).await?;
    Ok(())
}

/// Orders acknowledged per second at full load, each with one of the tokens in the file.
async fn acknowledged(
    context: &BenchContext,
    measurements: &mut Measurements,
    cluster: &mut BenchCluster,
    (name, tokens, phase): (&str, Option<PathBuf>, Phase),
) -> Result<f64> {
    let name = format!("{}: {name}", cluster.name());
    let bodies = context.dataset.small.clone();
    let requests = Requests::Orders { bodies, run: new_key_prefix(), tokens };
    let load = Load { urls: cluster.edge_urls(), requests, phases: vec![(name.clone(), phase)] };
    let results = cluster.load(context, measurements, load).await?;
    let result = results.first().context("the phase has no result")?;
    measurements.add_row(&name, "orders/s", result.rate());
    Ok(result.rate())
}

/// A token for each caller.
fn write_known_tokens(context: &BenchContext, signer: &TokenSigner) -> Result<PathBuf> {
    let token = |caller: usize| {
        let subject: CallerName = format!("caller-{caller}").parse().ok()?;
        Some(signer.sign(&TokenClaims {
            subject: &subject,
            scopes: &[Scope::WriteOrders],
            issuer: TOKEN_PARTY_DEFAULT,
            audience: TOKEN_PARTY_DEFAULT,
            lifetime: rs256::LIFETIME,
        }))
    };
    let tokens: Vec<_> = (0..CALLERS).filter_map(token).collect();
    write_lines(context.file("known-tokens"), &tokens)
}

/// As many tokens as orders, of which no edge has seen one.
fn write_fresh_tokens(
    context: &BenchContext,
    signer: &Rs256Signer,
    repetition: usize,
) -> Result<PathBuf> {
    let number = |token: usize| repetition * NEW_TOKENS + token;
    let token = |token| signer.sign(&format!("caller-{}", token % CALLERS), number(token));
    let tokens = (0..NEW_TOKENS).map(token).collect::<Result<Vec<_>>>()?;
    write_lines(context.file("new-tokens"), &tokens)
}

fn write_lines(file: PathBuf, lines: &[String]) -> Result<PathBuf> {
    std::fs::write(&file, lines.join("\n")).context("cannot write the tokens")?;
    Ok(file)
}
