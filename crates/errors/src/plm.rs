//! The built-in catalog: every failure that Plimsoll or axum itself produces.

use plimsoll_core::{Outcome, Refusal};

crate::catalog! {
    /// Codes of Plimsoll's own failures, prefix `PLM`.
    pub enum PlmCode: "PLM", lock "errors.lock" {
        1001 RouteNotFound {
            status: 404, blame: Client, retry: Never,
            title: "Not found",
            client: "Nothing is served at this path. Check the address.",
            support: "The caller uses an address the service does not have.",
            operator: "A rise points at a wrong link, an old client or a scanner.",
        },
        1002 MethodNotAllowed {
            status: 405, blame: Client, retry: Never,
            title: "Method not allowed",
            client: "This path does not take this method. The Allow header lists those it takes.",
            support: "The caller uses a wrong method; compare with the API description.",
            operator: "A rise points at a client built for another version.",
        },
        1003 MalformedJson {
            status: 400, blame: Client, retry: Never,
            title: "Malformed JSON",
            client: "The body is not JSON. Check its syntax and that it was sent whole.",
            support: "The caller's program sends broken JSON; its author must look at it.",
            operator: "A rise for one client points at its last release.",
        },
        1004 JsonMismatch {
            status: 422, blame: Client, retry: Never,
            title: "JSON does not fit",
            client: "The body is JSON, but a field is missing or has the wrong type.",
            support: "The caller's program sends fields the service does not expect.",
            operator: "A rise after a deploy points at a change of the contract.",
        },
        1005 UnsupportedMediaType {
            status: 415, blame: Client, retry: Never,
            title: "Unsupported media type",
            client: "Send the Content-Type that this path takes, for instance application/json.",
            support: "The caller's program sends a wrong or no Content-Type.",
            operator: "Nothing to do; look for proxies that drop the header if it rises.",
        },
        1006 InvalidPath {
            status: 400, blame: Client, retry: Never,
            title: "Invalid path",
            client: "A part of the path is not what this address expects.",
            support: "The caller used an id of the wrong form; ask for the address used.",
            operator: "A rise points at a client that builds addresses wrongly.",
        },
        1007 InvalidQuery {
            status: 400, blame: Client, retry: Never,
            title: "Invalid query",
            client: "A query parameter is missing or has the wrong type.",
            support: "The caller used a wrong parameter; ask for the address used.",
            operator: "A rise after a deploy points at a change of the contract.",
        },
        1008 InvalidForm {
            status: 400, blame: Client, retry: Never,
            title: "Invalid form",
            client: "A form field in the query is missing or has the wrong type.",
            support: "The caller's form does not fit; ask which form was sent.",
            operator: "A rise after a deploy points at a change of the form.",
        },
        1009 FormMismatch {
            status: 422, blame: Client, retry: Never,
            title: "Form does not fit",
            client: "A form field in the body is missing or has the wrong type.",
            support: "The caller's form does not fit; ask which form was sent.",
            operator: "A rise after a deploy points at a change of the form.",
        },
        1010 BodyTooLarge {
            status: 413, blame: Client, retry: Never,
            title: "Body too large",
            client: "The body is larger than this service takes. Send less at once.",
            support: "The caller sends too much in one request.",
            operator: "If callers are right, raise the limit on this route.",
        },
        1011 BodyUnreadable {
            status: 400, blame: Client, retry: Safe,
            title: "Body not readable",
            client: "The body broke off or was framed wrongly. Send it again.",
            support: "Most often a lost connection on the caller's side.",
            operator: "A rise points at a proxy or a network that cuts uploads.",
        },
        1012 BodyNotUtf8 {
            status: 400, blame: Client, retry: Never,
            title: "Body is not UTF-8",
            client: "The body must be text in UTF-8.",
            support: "The caller's program sends text in another encoding.",
            operator: "Nothing to do.",
        },
        1013 InvalidMultipart {
            status: 400, blame: Client, retry: Never,
            title: "Invalid multipart form",
            client: "The multipart/form-data header has no valid boundary.",
            support: "The caller's program builds uploads wrongly.",
            operator: "Nothing to do.",
        },
        1014 Unauthenticated {
            status: 401, blame: Client, retry: Never,
            title: "Not signed in",
            client: "Send valid credentials, as WWW-Authenticate says.",
            support: "The caller's credentials are missing, wrong or out of date; a new sign-in helps.",
            operator: "A rise for all callers points at the issuer of the credentials or its keys.",
        },
        1015 Forbidden {
            status: 403, blame: Client, retry: Never,
            title: "Not allowed",
            client: "Your credentials are valid but do not allow this.",
            support: "The caller lacks a permission; who owns the resource can give it.",
            operator: "A rise after a deploy points at a change of permissions.",
        },
        1016 IdempotencyKeyMissing {
            status: 400, blame: Client, retry: Never,
            title: "Idempotency key missing",
            client: "This request needs the header Idempotency-Key. Send a new key for each new action.",
            support: "The caller's program does not send the key; its author must look at it.",
            operator: "Nothing to do.",
        },
        1017 IdempotencyKeyInUse {
            status: 409, blame: Client, retry: After(Duration::from_secs(1)),
            title: "Request still running",
            client: "A request with this idempotency key is still being worked on. Wait as Retry-After says, then send it again.",
            support: "The caller repeated a request before its answer was there; the first one counts.",
            operator: "A rise points at slow answers or at a client that repeats too early.",
        },
        1018 IdempotencyKeyReused {
            status: 422, blame: Client, retry: Never,
            title: "Idempotency key used before",
            client: "This idempotency key was used for another request. Send a new key for a new action.",
            support: "The caller's program gives one key to two different requests; its author must look at it.",
            operator: "Nothing to do.",
        },
        1019 ClientFault {
            status: 400, blame: Client, retry: Never,
            title: "Request refused",
            client: "The request cannot be answered as it is. The status of the answer says why.",
            support: "The caller's request is not what this path takes; ask which request was sent.",
            operator: "A layer that is not Plimsoll's refused it; its words stand on the log line of this reference.",
        },
        2001 QuotaExceeded {
            status: 429, blame: Client, retry: After(Duration::from_secs(1)),
            title: "Too many requests",
            client: "You have sent more requests than your quota allows. Wait as Retry-After says.",
            support: "The caller's program sends too fast; the RateLimit headers say how fast it may.",
            operator: "Look which policy and which clients; raise the quota only if they are right.",
        },
        2002 CostOverBurst {
            status: 400, blame: Client, retry: Never,
            title: "Request larger than the quota",
            client: "This request costs more than your quota allows at once, so waiting does not help. Ask for less at a time.",
            support: "The caller asks for too much in one request; its author must split it.",
            operator: "If callers are right, raise the burst of the policy or lower the cost of the route.",
        },
        3001 LimiterUnavailable {
            status: 503, blame: Dependency, retry: After(Duration::from_secs(1)),
            title: "Temporarily unavailable",
            client: "The service cannot take the request just now. Try again in a moment.",
            support: "A known kind of outage; nothing the caller can do.",
            operator: "The limiter's store does not answer and the policy fails closed: look at the store.",
        },
        3002 Overloaded {
            status: 503, blame: Capacity, retry: After(Duration::from_secs(1)),
            title: "Overloaded",
            client: "The service has more to do than it can. Try again in a moment.",
            support: "The service is under high load; ask to try again later.",
            operator: "The concurrency limit is reached: look at time to head, then at capacity.",
        },
        3003 Draining {
            status: 503, blame: Capacity, retry: After(Duration::from_secs(1)),
            title: "Shutting down",
            client: "This instance is shutting down. Try again: another one answers.",
            support: "A deployment is under way; ask to try again.",
            operator: "Requests came after the drain deadline: is the balancer's delay longer than the wait?",
        },
        3004 TimedOut {
            status: 504, blame: Server, retry: SameKey,
            title: "Timed out",
            client: "The service did not finish in time; the request may or may not have been done.",
            support: "Check whether the action took place before asking the caller to repeat it.",
            operator: "Look at the slowest spans of this route and at its dependencies.",
        },
        3020 Shed {
            status: 503, blame: Capacity, retry: After(Duration::from_secs(1)),
            title: "Busy",
            client: "The service is busy and answers more urgent requests first. Try again in a moment.",
            support: "The service is under high load; ask to try again later.",
            operator: "Less critical requests are shed to keep room for the others: plimsoll_shed_total says why.",
        },
        3021 DeadlineTooShort {
            status: 503, blame: Capacity, retry: After(Duration::from_secs(1)),
            grpc: DeadlineExceeded,
            title: "Too late",
            client: "The answer would not be ready before your deadline. Nothing was done.",
            support: "The calling program waits for less time than the service takes just now.",
            operator: "Compare the callers' deadlines with time to head: one is too short or the other too long.",
        },
        3030 DependencyDown {
            status: 503, blame: Dependency, retry: After(Duration::from_secs(1)),
            title: "Temporarily unavailable",
            client: "Something that this request needs does not answer just now; others may work. Try again in a moment.",
            support: "A part behind the service is down. What does not need it still works.",
            operator: "A check that this route needs fails: /readyz?verbose on the control listener says which and why.",
            untested: "the sample's one dependency is needed by all of it; the tests of the facade answer with it",
        },
        5000 Internal {
            status: 500, blame: Server, retry: SameKey,
            title: "Internal error",
            client: "Something went wrong on our side. Quote the reference when you ask for help.",
            support: "Take the reference and pass it on to the service's team.",
            operator: "The cause stands on the log line of this reference. Give this failure a code of its own.",
        },
        5001 Panicked {
            status: 500, blame: Server, retry: SameKey,
            title: "Internal error",
            client: "Something went wrong on our side. Quote the reference when you ask for help.",
            support: "Take the reference and pass it on to the service's team.",
            operator: "A handler panicked; the message stands on the log line of this reference.",
        },
        5002 Miswired {
            status: 500, blame: Server, retry: Never,
            title: "Internal error",
            client: "Something went wrong on our side. Quote the reference when you ask for help.",
            support: "Take the reference and pass it on to the service's team.",
            operator: "A handler asks for what its router does not give (an extension, path parameters): fix the routes.",
        },
        5003 ServerFault {
            status: 500, blame: Server, retry: SameKey,
            title: "Internal error",
            client: "Something went wrong on our side. Quote the reference when you ask for help.",
            support: "Take the reference and pass it on to the service's team.",
            operator: "A handler or layer answered without a body; what text it had stands on the log line of this reference.",
        },
        5004 BodyBroken {
            status: 500, blame: Server, retry: SameKey,
            title: "The answer broke off",
            client: "The answer broke off before its end. Ask again, and quote the time when you ask for help.",
            support: "Take the time and what was asked, and pass them on to the service's team.",
            operator: "The head had been sent when the body failed, so the client saw no code; the cause stands on the log line.",
        },
    }
}

impl From<Refusal> for PlmCode {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Quota { .. } => Self::QuotaExceeded,
            Refusal::NeverFits { .. } => Self::CostOverBurst,
            Refusal::LimiterDown { .. } => Self::LimiterUnavailable,
            Refusal::Concurrency { .. } => Self::Overloaded,
            Refusal::Shed { .. } => Self::Shed,
            Refusal::Deadline { .. } => Self::DeadlineTooShort,
            Refusal::Unmet { .. } => Self::DependencyDown,
            Refusal::Draining => Self::Draining,
            Refusal::Timeout { .. } => Self::TimedOut,
            Refusal::BodyTooLarge { .. } => Self::BodyTooLarge,
        }
    }
}

impl PlmCode {
    /// The code of a failure of which only the status is known.
    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            403 => Self::Forbidden,
            405 => Self::MethodNotAllowed,
            413 => Self::BodyTooLarge,
            415 => Self::UnsupportedMediaType,
            429 => Self::QuotaExceeded,
            400..500 => Self::ClientFault,
            504 => Self::TimedOut,
            _ => Self::ServerFault,
        }
    }

    /// How a request ended that failed with this code.
    pub(crate) const fn outcome(self) -> Outcome {
        match self {
            Self::QuotaExceeded
            | Self::CostOverBurst
            | Self::LimiterUnavailable
            | Self::Overloaded
            | Self::Shed
            | Self::DeadlineTooShort
            | Self::DependencyDown => Outcome::Refused,
            Self::Draining => Outcome::ShutdownAbort,
            Self::TimedOut => Outcome::Timeout,
            Self::Panicked => Outcome::Panic,
            Self::BodyBroken => Outcome::BodyError,
            other => other.code().outcome(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::names::value;
    use std::time::Duration;

    #[test]
    fn codes_say_of_a_refusal_what_the_refusal_says_itself() {
        let retry_after = Duration::from_secs(3);
        for refusal in [
            Refusal::Quota {
                policy: "p",
                violated: &[],
                retry_after,
            },
            Refusal::NeverFits { policy: "p" },
            Refusal::LimiterDown { policy: "p" },
            Refusal::Concurrency { retry_after },
            Refusal::Shed { retry_after },
            Refusal::Deadline { retry_after },
            Refusal::Unmet { check: "c" },
            Refusal::Draining,
            Refusal::Timeout { limit: retry_after },
            Refusal::BodyTooLarge { limit: 1 },
        ] {
            let plm = PlmCode::from(refusal);
            let code = plm.code();
            assert_eq!(code.status, refusal.status().as_u16(), "{refusal:?}");
            assert_eq!(code.blame, refusal.blame(), "{refusal:?}");
            assert_eq!(code.slo, refusal.slo(), "{refusal:?}");
            assert_eq!(plm.outcome(), refusal.outcome(), "{refusal:?}");
        }
    }

    #[test]
    fn ids_and_reasons_come_from_numbers_and_names() {
        let code = PlmCode::BodyNotUtf8.code();
        assert_eq!((code.id, code.reason), ("PLM-1012", "BODY_NOT_UTF8"));
        assert_eq!(PlmCode::Miswired.code().id, "PLM-5002");
    }

    #[test]
    fn the_record_gives_a_broken_body_the_codes_of_this_catalog() {
        assert_eq!(PlmCode::Panicked.code().id, value::CODE_PANICKED);
        assert_eq!(PlmCode::BodyBroken.code().id, value::CODE_BODY_BROKEN);
    }
}
