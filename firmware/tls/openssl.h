#pragma once

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "firmware/tls/openssl_owned.h"
#include "firmware/tls/session.h"

/// Only for the .cpp files of this folder: OpenSSL's types stay behind session.h.
namespace cubby::tls {

using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Releases<X509_STORE_CTX_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Releases<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Releases<SSL_free>>;

struct Credentials::Parts {
  ContextPtr context;
};

/// Takes the newest of this thread's OpenSSL errors and forgets the rest; empty if there is none.
std::string take_openssl_error();
/// Names, serial and times of a certificate; nullopt: its names are not an identity.
std::optional<Certificate> describe(X509* certificate);
/// What a failed verification (X509_V_ERR_...) is called here.
Refusal refusal_of_verification(long error);
/// May a peer of this role be at the other side of `end`?
bool is_role_of_peer(End end, Role role);
/// Sees to X509_STORE_CTX's purpose, flags and time; those of SSL_get0_param() likewise.
void set_verification(X509_VERIFY_PARAM* parameters, End peer, std::optional<std::int64_t> utc_s);
/// Verifies with the authority and the list of `credentials`; X509_V_OK, or the error.
int verify(const Credentials::Parts& credentials, X509* certificate, End holder, std::optional<std::int64_t> utc_s);

}  // namespace cubby::tls
