//! The certificate that a client presented to API Gateway, which terminates TLS (RFC 8705 §2).
//!
//! It is read only from the request context, which API Gateway writes, and only on the host for mutual TLS:
//! anybody can send a header that contains a certificate (RFC 8705 §6.5).

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

use ciba_aws::config::MtlsHost;
use ciba_core::domain::base::address::canonical;
use ciba_core::domain::base::time::Timestamp;
use ciba_core::verify::certificate::Certificate;

/// Why a presented certificate is unusable. The text is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unacceptable(pub &'static str);

/// The certificate of the connection, if there is one. A malformed or expired one is an error and never ignored,
/// because tokens that should be bound to it would be bound to nothing.
pub fn presented(
    request: &Request,
    mtls: Option<&MtlsHost>,
    now: Timestamp,
) -> Result<Option<Certificate>, Unacceptable> {
    let (Some(mtls), Some(RequestContext::ApiGatewayV2(context))) = (mtls, request.request_context_ref())
    else {
        return Ok(None);
    };
    let host = context.domain_name.as_deref();
    if host.is_none_or(|host| canonical(host) != canonical(mtls.authority())) {
        return Ok(None);
    }
    let shown = context.authentication.as_ref().and_then(|it| it.client_cert.as_ref());
    let Some(pem) = shown.and_then(|it| it.client_cert_pem.as_deref()) else {
        return Ok(None);
    };
    let certificate = Certificate::from_pem(pem).ok_or(Unacceptable("the certificate is malformed"))?;
    if certificate.is_valid_at(now) {
        Ok(Some(certificate))
    } else {
        Err(Unacceptable("the certificate has expired or is not valid yet"))
    }
}
