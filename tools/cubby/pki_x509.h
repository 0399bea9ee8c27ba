#pragma once

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "firmware/tls/identity.h"
#include "firmware/tls/openssl_owned.h"

/// Certificates and lists as OpenSSL makes them; for pki_authority.cpp. Null or empty: OpenSSL could not.
namespace cubby::tools::pki {

using tls::CrlPtr;
using tls::X509Ptr;
using RequestPtr = std::unique_ptr<X509_REQ, tls::Releases<X509_REQ_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, tls::Releases<EVP_PKEY_free>>;

struct Validity {
  std::int64_t begins_utc_s = 0;
  std::int64_t ends_utc_s = 0;
};

KeyPtr make_key();
X509Ptr make_root(EVP_PKEY* key, const Validity& validity);
/// `hosts` are addresses in digits and DNS names, for the role aggregator.
X509Ptr make_leaf(X509* root, EVP_PKEY* root_key, EVP_PKEY* key, const tls::Identity& identity,
                  const std::vector<std::string>& hosts, const Validity& validity);
/// An empty list of the root's.
CrlPtr make_list(X509* root, EVP_PKEY* root_key, std::int64_t now_utc_s);
/// Adds serials in hexadecimal, gives it the next number and signs it again.
bool extend_list(X509_CRL* list, EVP_PKEY* root_key, const std::vector<std::string>& serials, std::int64_t now_utc_s);
bool is_in_list(X509_CRL* list, const std::string& serial);

/// PKCS #10: asks for a certificate of the name for this key, signed with it.
RequestPtr make_request(EVP_PKEY* key, const std::string& name);
/// The key of a request of that name which is signed with it and is one of P-256; null: `why` is a sentence.
KeyPtr key_of_request_file(const std::string& path, const std::string& name, std::string& why);

std::string to_pem(X509* certificate);
std::string to_pem(X509_REQ* request);
std::string to_pem(X509_CRL* list);
std::string to_pem(EVP_PKEY* key);
X509Ptr read_certificate_file(const std::string& path);
KeyPtr read_key_file(const std::string& path);
CrlPtr read_list_file(const std::string& path);
/// In hexadecimal, capital letters.
std::string serial_of(X509* certificate);
std::int64_t end_of(const X509* certificate);

}  // namespace cubby::tools::pki
