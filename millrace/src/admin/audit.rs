//! Audits the cluster, and replies line by line: what it does, the problems, the report, and a last line with `done`.
//! An empty message ends the replies. One audit runs at a time in the whole cluster.

use std::pin::pin;
use std::time::Duration;

use orders::Timestamp;
use serde_json::{Value, json};
use streams::{Request, RequestStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use workers::payment::provider::Provider;

use super::context::Context;
use super::members::Members;
use super::refusal::Refusal;
use super::serve::rest;
use crate::audit::{
    AuditMode, AuditSources, Findings, Report, Restored, audit_limits, audit_with_progress,
};
use crate::cluster_lock::ClusterTask;
use crate::limits::{ADMIN_AUDIT_TIMEOUT, ADMIN_AUDIT_WORD_INTERVAL};

/// Answers requests until the process is asked to end: one at a time, others are refused.
pub(super) async fn serve_audits(context: &Context, mut requests: RequestStream) {
    while let Some(Some(request)) = context.shutdown.run_until_cancelled(requests.next()).await {
        let mut audit = pin!(serve_one(context, request));
        loop {
            tokio::select! {
                () = &mut audit => break,
                Some(other) = requests.next() => refuse(context, other, busy()).await,
            }
        }
    }
    for request in rest(requests).await {
        refuse(context, request, Refusal::stopping()).await;
    }
}

fn busy() -> Refusal {
    Refusal::conflict("another request is auditing the cluster: ask again when that has ended")
}

/// Runs one audit, and sends all of its replies.
async fn serve_one(context: &Context, request: Request) {
    match run(context, &request).await {
        Err(refusal) => refuse(context, request, refusal).await,
        Ok(Findings { report, .. }) => {
            for problem in &report.problems {
                send(&request, &json!({"problem": problem})).await;
            }
            let (passed, problems) = (report.passed, report.problems.len());
            // They were sent, and there may be many.
            let report = Report { problems: Vec::new(), ..report };
            send(&request, &json!({"report": report})).await;
            send(&request, &json!({"done": true, "passed": passed, "problems": problems})).await;
            context.counts.count(false);
            request.reply(Vec::new()).await;
        }
    }
}

/// Sends the last replies of an audit that has not ended, or not begun.
async fn refuse(context: &Context, request: Request, refusal: Refusal) {
    let mut last = refusal.to_json();
    last["done"] = json!(true);
    last["passed"] = json!(false);
    send(&request, &last).await;
    context.counts.count(true);
    request.refuse(refusal.code, &refusal.error, Vec::new()).await;
}

async fn send(request: &Request, line: &Value) {
    request.reply_part(format!("{line}\n").into_bytes()).await;
}

async fn run(context: &Context, request: &Request) -> Result<Findings, Refusal> {
    let mut members = Members::parse(&request.payload)?;
    let restored = members.take("restored", "a time such as 2026-11-27T22:00:00Z", |value| {
        value.as_str()?.parse::<Timestamp>().ok()
    })?;
    members.end()?;
    let Some((url, key)) = &context.provider else {
        let error = "this process does not know the payment provider: start it with --provider-url and --provider-key";
        return Err(Refusal::not_configured(error));
    };
    let provider = Provider::new(url, key, audit_limits());
    let provider = provider.map_err(|err| Refusal::not_configured(err.to_string()))?;
    let sources = AuditSources {
        connection: context.connection.clone(),
        database: context.database.clone(),
        provider,
    };
    let lock = context.lock(ClusterTask::Audit, Duration::ZERO).await?;
    let restored = restored.map(Restored::from_backup_at);
    let report = Report { restored, ..Report::new(context.profile) };
    let findings = audit_with_words(context, request, &sources, report).await;
    lock.release().await;
    findings
}

/// Audits, and says what it does: at each step, and again while a step takes long.
async fn audit_with_words(
    context: &Context,
    request: &Request,
    sources: &AuditSources,
    report: Report,
) -> Result<Findings, Refusal> {
    let begun = Instant::now();
    let (sender, mut steps) = mpsc::unbounded_channel();
    let progress = |step| {
        // The receiver lives as long as the audit.
        sender.send(step).ok();
    };
    let mut audit = pin!(audit_with_progress(sources, report, None, AuditMode::Live, progress));
    let mut step = "beginning";
    let mut silent_until = begun + ADMIN_AUDIT_WORD_INTERVAL;
    loop {
        tokio::select! {
            biased;
            Some(next) = steps.recv() => step = next,
            findings = &mut audit => {
                return findings.map_err(|err| Refusal::unavailable("the audit failed", format!("{err:#}")));
            }
            () = sleep_until(silent_until) => {}
            () = context.shutdown.cancelled() => return Err(Refusal::stopping()),
            () = sleep_until(begun + ADMIN_AUDIT_TIMEOUT) => {
                return Err(Refusal::unavailable("the audit took too long", format!("while {step}")));
            }
        }
        silent_until = Instant::now() + ADMIN_AUDIT_WORD_INTERVAL;
        let seconds = begun.elapsed().as_secs();
        send(request, &json!({"progress": step, "seconds": seconds})).await;
    }
}
