#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "firmware/tls/openssl.h"

namespace cubby::tls {
namespace {

// OpenSSL keeps room for one that goes out, a connection.
constexpr long kRecordMax = 4 * 1024;
// RFC 5280 allows 20 bytes.
constexpr int kSerialBytesMax = 20;

std::string serial_of(const X509* certificate) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  const unsigned char* bytes = ASN1_STRING_get0_data(serial);
  std::string text;
  for (int i = 0; i < std::min(ASN1_STRING_length(serial), kSerialBytesMax); ++i) {
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

std::int64_t utc_s_of(const ASN1_TIME* time) {
  tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

Sha256Digest key_digest_of(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  const std::array<Bytes, 1> parts{
      Bytes(reinterpret_cast<const std::byte*>(der), static_cast<std::size_t>(std::max(size, 0)))};
  const Sha256Digest digest = sha256(parts);
  OPENSSL_free(der);
  return digest;
}

std::vector<std::string> uris_of(X509* certificate) {
  std::vector<std::string> uris;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_URI) {
      const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
      uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                        static_cast<std::size_t>(ASN1_STRING_length(uri)));
    }
  }
  GENERAL_NAMES_free(names);
  return uris;
}

// A key with a passphrase is refused: otherwise OpenSSL would ask a terminal, and wait.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

// A key that others can read is none. Empty: good.
std::string key_file_problem(const std::string& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) {
    return file + ": cannot be read: " + std::strerror(errno);
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return file + ": others can read this key; run: chmod 600 " + file;
  }
  return {};
}

// Two files of a folder that is being renewed may not fit together for a moment: the caller tries again.
class Loader {
 public:
  Loader(std::string folder, End end) : folder_(std::move(folder)), end_(end) {}

  std::shared_ptr<const Credentials> load(std::string& why) {
    ERR_clear_error();
    parts_->context.reset(SSL_CTX_new(TLS_method()));
    if (parts_->context == nullptr || !set_rules() || !load_authority() || !load_list() || !load_own() ||
        !judge_own()) {
      why = why_.empty() ? folder_ + ": " + take_openssl_error() : why_;
      ERR_clear_error();
      return nullptr;
    }
    return std::make_shared<const Credentials>(std::move(parts_), std::move(own_));
  }

 private:
  SSL_CTX* context() { return parts_->context.get(); }
  std::string path(const char* name) const { return folder_ + "/" + name; }
  bool complain(const char* name, const std::string& words) {
    why_ = path(name) + ": " + words;
    return false;
  }

  bool set_rules() {
    SSL_CTX_set_options(context(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify_depth(context(), 0);  // The authority signs leaves and nothing else.
    SSL_CTX_set_max_cert_list(context(), kCertificatesMax);
    SSL_CTX_set_default_passwd_cb(context(), no_passphrase);
    return SSL_CTX_set_min_proto_version(context(), TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context(), TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(context(), 0) == 1 && SSL_CTX_set_max_send_fragment(context(), kRecordMax) == 1 &&
           SSL_CTX_set_max_early_data(context(), 0) == 1 && SSL_CTX_set_recv_max_early_data(context(), 0) == 1 &&
           SSL_CTX_set1_groups_list(context(), "X25519:P-256") == 1 &&
           SSL_CTX_set1_sigalgs_list(context(), "ECDSA+SHA256") == 1 &&
           SSL_CTX_set1_client_sigalgs_list(context(), "ECDSA+SHA256") == 1;
  }

  bool load_authority() {
    const BioPtr file(BIO_new_file(path("ca.pem").c_str(), "r"));
    authority_.reset(file == nullptr ? nullptr : PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
    if (authority_ == nullptr) {
      return complain("ca.pem", "is not a certificate that can be read");
    }
    if (X509_check_ca(authority_.get()) == 0) {
      return complain("ca.pem", "is not the certificate of an authority");
    }
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(context()), authority_.get()) == 1;
  }

  bool load_list() {
    struct stat status {};
    if (end_ == End::kClient && stat(path("crl.pem").c_str(), &status) != 0 && errno == ENOENT) {
      return true;
    }
    const BioPtr file(BIO_new_file(path("crl.pem").c_str(), "r"));
    const CrlPtr list(file == nullptr ? nullptr : PEM_read_bio_X509_CRL(file.get(), nullptr, nullptr, nullptr));
    if (list == nullptr) {
      return complain("crl.pem", "is not a revocation list that can be read");
    }
    if (X509_CRL_verify(list.get(), X509_get0_pubkey(authority_.get())) != 1) {
      return complain("crl.pem", "is not signed by ca.pem");
    }
    X509_STORE* store = SSL_CTX_get_cert_store(context());
    return X509_STORE_add_crl(store, list.get()) == 1 && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1;
  }

  bool load_own() {
    if (SSL_CTX_use_certificate_file(context(), path("cert.pem").c_str(), SSL_FILETYPE_PEM) != 1) {
      return complain("cert.pem", "is not a certificate that can be read");
    }
    if (why_ = key_file_problem(path("key.pem")); !why_.empty()) {
      return false;
    }
    if (SSL_CTX_use_PrivateKey_file(context(), path("key.pem").c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context()) != 1) {
      return complain("key.pem", "is not the key of cert.pem, or has a passphrase");
    }
    char group[32]{};
    if (EVP_PKEY_get_group_name(SSL_CTX_get0_privatekey(context()), group, sizeof group, nullptr) != 1 ||
        std::string_view(group) != SN_X9_62_prime256v1) {
      return complain("key.pem", "is not an ECDSA key on P-256");
    }
    return true;
  }

  bool judge_own() {
    X509* certificate = SSL_CTX_get0_certificate(context());
    const int error = verify(*parts_, certificate, end_, std::nullopt);
    if (error != X509_V_OK) {
      return complain("cert.pem", std::string("is not good with ca.pem: ") + X509_verify_cert_error_string(error));
    }
    auto own = describe(certificate);
    if (!own.has_value()) {
      return complain("cert.pem", "says no role; see docs/spec/wire.md");
    }
    if (!is_role_of_peer(end_ == End::kServer ? End::kClient : End::kServer, own->identity.role)) {
      return complain("cert.pem",
                      std::string("is of the role ") + to_text(own->identity.role) + ", which is not for this");
    }
    own_ = std::move(*own);
    return true;
  }

  std::string folder_;
  End end_;
  std::unique_ptr<Credentials::Parts> parts_ = std::make_unique<Credentials::Parts>();
  X509Ptr authority_;
  Certificate own_;
  std::string why_;
};

}  // namespace

std::string take_openssl_error() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? std::string() : std::string(reason);
}

std::optional<Certificate> describe(X509* certificate) {
  auto identity = read_identity(uris_of(certificate));
  if (!identity.has_value()) {
    return std::nullopt;
  }
  return Certificate{.identity = std::move(*identity),
                     .serial = serial_of(certificate),
                     .begins_utc_s = utc_s_of(X509_get0_notBefore(certificate)),
                     .expires_utc_s = utc_s_of(X509_get0_notAfter(certificate)),
                     .key_sha256 = key_digest_of(certificate)};
}

std::optional<Certificate> read_certificate(const std::string& path) {
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  const X509Ptr certificate(file == nullptr ? nullptr : PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate == nullptr ? std::nullopt : describe(certificate.get());
}

Refusal refusal_of_verification(long error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Refusal::kExpired;
    case X509_V_ERR_CERT_REVOKED:
      return Refusal::kRevoked;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:  // Not signed by the authority itself.
      return Refusal::kForeign;
    case X509_V_ERR_INVALID_PURPOSE:
      return Refusal::kWrongRole;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return Refusal::kIdentity;
    default:
      return Refusal::kOther;
  }
}

bool is_role_of_peer(End end, Role role) {
  return end == End::kClient ? role == Role::kAggregator : role == Role::kStation || role == Role::kConcentrator;
}

void set_verification(X509_VERIFY_PARAM* parameters, End peer, std::optional<std::int64_t> utc_s) {
  X509_VERIFY_PARAM_set_purpose(parameters, peer == End::kServer ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
  if (utc_s.has_value()) {
    X509_VERIFY_PARAM_set_time(parameters, *utc_s);
  } else {
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_NO_CHECK_TIME);
  }
}

int verify(const Credentials::Parts& credentials, X509* certificate, End holder, std::optional<std::int64_t> utc_s) {
  const StoreContextPtr context(X509_STORE_CTX_new());
  if (context == nullptr || X509_STORE_CTX_init(context.get(), SSL_CTX_get_cert_store(credentials.context.get()),
                                                certificate, nullptr) != 1) {
    return X509_V_ERR_OUT_OF_MEM;
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_depth(parameters, 0);
  set_verification(parameters, holder, utc_s);
  const int result = X509_verify_cert(context.get()) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  return result;
}

std::shared_ptr<const Credentials> Credentials::load(const std::string& folder, End end, std::string& why) {
  return Loader(folder, end).load(why);
}

Credentials::Credentials(std::unique_ptr<Parts> parts, Certificate own)
    : parts_(std::move(parts)), own_(std::move(own)) {}
Credentials::~Credentials() = default;

}  // namespace cubby::tls
