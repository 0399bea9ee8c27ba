#include "tools/cubby/pki_x509.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <string_view>

namespace cubby::tools::pki {
namespace {

using tls::BioPtr;
using tls::Releases;
using BignumPtr = std::unique_ptr<BIGNUM, Releases<BN_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, Releases<ASN1_INTEGER_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, Releases<ASN1_TIME_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Releases<X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Releases<GENERAL_NAMES_free>>;
using NamePtr = std::unique_ptr<GENERAL_NAME, Releases<GENERAL_NAME_free>>;
using RevokedPtr = std::unique_ptr<X509_REVOKED, Releases<X509_REVOKED_free>>;

TimePtr time_of(std::int64_t utc_s) {
  return TimePtr(ASN1_TIME_set(nullptr, utc_s));
}

// 126 random bits; the top bits make its length and sign the same for all.
bool set_random_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) {
    return false;
  }
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x3F) | 0x40);
  const BignumPtr number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return number != nullptr && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_subject(X509_NAME* subject, const std::string& name) {
  return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

bool is_p256(EVP_PKEY* key) {
  std::array<char, 64> group{};
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
         std::string_view(group.data()) == SN_X9_62_prime256v1;
}

/// Of a subject that has one common name and nothing more; else empty.
std::string only_name(X509_NAME* subject) {
  if (X509_NAME_entry_count(subject) != 1 || X509_NAME_get_index_by_NID(subject, NID_commonName, -1) != 0) {
    return {};
  }
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, 0));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// `value` is a constant of this file, never a name that somebody gave.
bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool begin(X509* certificate, X509* issuer, EVP_PKEY* key, const std::string& subject, const Validity& validity) {
  return X509_set_version(certificate, X509_VERSION_3) == 1 && set_random_serial(certificate) &&
         X509_set1_notBefore(certificate, time_of(validity.begins_utc_s).get()) == 1 &&
         X509_set1_notAfter(certificate, time_of(validity.ends_utc_s).get()) == 1 &&
         set_subject(X509_get_subject_name(certificate), subject) &&
         X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
         X509_set_pubkey(certificate, key) == 1 &&
         add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
}

bool add_text_name(GENERAL_NAMES* names, int type, const std::string& text) {
  NamePtr name(GENERAL_NAME_new());
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  if (name == nullptr || value == nullptr) {
    ASN1_IA5STRING_free(value);
    return false;
  }
  GENERAL_NAME_set0_value(name.get(), type, value);
  return ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) == 1 &&
         sk_GENERAL_NAME_push(names, name.get()) > 0 && name.release() != nullptr;
}

bool add_host(GENERAL_NAMES* names, const std::string& host) {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
  if (address == nullptr) {
    return add_text_name(names, GEN_DNS, host);
  }
  NamePtr name(GENERAL_NAME_new());
  if (name == nullptr) {
    ASN1_OCTET_STRING_free(address);
    return false;
  }
  GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address);
  return sk_GENERAL_NAME_push(names, name.get()) > 0 && name.release() != nullptr;
}

bool add_names(X509* certificate, const tls::Identity& identity, const std::vector<std::string>& hosts) {
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  bool good = names != nullptr;
  for (const std::string& uri : tls::identity_uris(identity)) {
    good = good && add_text_name(names.get(), GEN_URI, uri);
  }
  for (const std::string& host : hosts) {
    good = good && add_host(names.get(), host);
  }
  return good && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

// A key with a passphrase is refused: otherwise OpenSSL would ask a terminal, and wait.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

template <typename Write>
std::string pem_with(Write write) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || write(memory.get()) != 1) {
    return {};
  }
  std::string text(BIO_ctrl_pending(memory.get()), '\0');
  BIO_read(memory.get(), text.data(), static_cast<int>(text.size()));
  return text;
}

BioPtr open_file(const std::string& path) {
  return BioPtr(BIO_new_file(path.c_str(), "r"));
}

IntegerPtr integer_from(const std::string& serial) {
  BIGNUM* number = nullptr;
  const bool whole = BN_hex2bn(&number, serial.c_str()) == static_cast<int>(serial.size());
  const BignumPtr owner(number);
  return IntegerPtr(whole ? BN_to_ASN1_INTEGER(number, nullptr) : nullptr);
}

bool set_list_number(X509_CRL* list) {
  const IntegerPtr old(static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(list, NID_crl_number, nullptr, nullptr)));
  const long number = old == nullptr ? 1 : ASN1_INTEGER_get(old.get()) + 1;
  const IntegerPtr next(ASN1_INTEGER_new());
  return next != nullptr && ASN1_INTEGER_set(next.get(), number) == 1 &&
         X509_CRL_add1_ext_i2d(list, NID_crl_number, next.get(), 0, X509V3_ADD_REPLACE) == 1;
}

bool finish_list(X509_CRL* list, EVP_PKEY* root_key, std::int64_t now_utc_s) {
  return X509_CRL_set1_lastUpdate(list, time_of(now_utc_s).get()) == 1 && set_list_number(list) &&
         X509_CRL_sort(list) == 1 && X509_CRL_sign(list, root_key, EVP_sha256()) > 0;
}

}  // namespace

KeyPtr make_key() {
  return KeyPtr(EVP_EC_gen("P-256"));
}

X509Ptr make_root(EVP_PKEY* key, const Validity& validity) {
  X509Ptr root(X509_new());
  if (root == nullptr || !begin(root.get(), root.get(), key, "Cubby authority", validity) ||
      !add_extension(root.get(), root.get(), NID_authority_key_identifier, "keyid:always") ||
      !add_extension(root.get(), root.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(root.get(), root.get(), NID_key_usage, "critical,keyCertSign,cRLSign") ||
      X509_sign(root.get(), key, EVP_sha256()) <= 0) {
    return nullptr;
  }
  return root;
}

X509Ptr make_leaf(X509* root, EVP_PKEY* root_key, EVP_PKEY* key, const tls::Identity& identity,
                  const std::vector<std::string>& hosts, const Validity& validity) {
  X509Ptr leaf(X509_new());
  const bool is_server = identity.role == tls::Role::kAggregator;
  if (leaf == nullptr || !begin(leaf.get(), root, key, identity.name, validity) ||
      !add_extension(leaf.get(), root, NID_authority_key_identifier, "keyid:always") ||
      !add_extension(leaf.get(), root, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(leaf.get(), root, NID_key_usage, "critical,digitalSignature") ||
      !add_extension(leaf.get(), root, NID_ext_key_usage, is_server ? "serverAuth" : "clientAuth") ||
      !add_names(leaf.get(), identity, hosts) || X509_sign(leaf.get(), root_key, EVP_sha256()) <= 0) {
    return nullptr;
  }
  return leaf;
}

CrlPtr make_list(X509* root, EVP_PKEY* root_key, std::int64_t now_utc_s) {
  CrlPtr list(X509_CRL_new());
  if (list == nullptr || X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) != 1 ||
      X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(root)) != 1 ||
      X509_CRL_set1_nextUpdate(list.get(), X509_get0_notAfter(root)) != 1) {
    return nullptr;
  }
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, root, nullptr, nullptr, list.get(), 0);
  const ExtensionPtr key_id(X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
  if (key_id == nullptr || X509_CRL_add_ext(list.get(), key_id.get(), -1) != 1 ||
      !finish_list(list.get(), root_key, now_utc_s)) {
    return nullptr;
  }
  return list;
}

bool extend_list(X509_CRL* list, EVP_PKEY* root_key, const std::vector<std::string>& serials, std::int64_t now_utc_s) {
  for (const std::string& serial : serials) {
    const IntegerPtr number = integer_from(serial);
    RevokedPtr revoked(X509_REVOKED_new());
    if (number == nullptr || revoked == nullptr || X509_REVOKED_set_serialNumber(revoked.get(), number.get()) != 1 ||
        X509_REVOKED_set_revocationDate(revoked.get(), time_of(now_utc_s).get()) != 1 ||
        X509_CRL_add0_revoked(list, revoked.get()) != 1) {
      return false;
    }
    (void)revoked.release();  // The list's now.
  }
  return finish_list(list, root_key, now_utc_s);
}

bool is_in_list(X509_CRL* list, const std::string& serial) {
  const IntegerPtr number = integer_from(serial);
  X509_REVOKED* revoked = nullptr;
  return number != nullptr && X509_CRL_get0_by_serial(list, &revoked, number.get()) == 1;
}

RequestPtr make_request(EVP_PKEY* key, const std::string& name) {
  RequestPtr request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      !set_subject(X509_REQ_get_subject_name(request.get()), name) || X509_REQ_set_pubkey(request.get(), key) != 1 ||
      X509_REQ_sign(request.get(), key, EVP_sha256()) <= 0) {
    return nullptr;
  }
  return request;
}

KeyPtr key_of_request_file(const std::string& path, const std::string& name, std::string& why) {
  const BioPtr file = open_file(path);
  const RequestPtr request(file == nullptr ? nullptr
                                           : PEM_read_bio_X509_REQ(file.get(), nullptr, no_passphrase, nullptr));
  if (request == nullptr) {
    why = path + ": cannot be read as a signing request (PEM of PKCS #10)";
    return nullptr;
  }
  KeyPtr key(X509_REQ_get_pubkey(request.get()));
  if (key == nullptr || !is_p256(key.get())) {
    why = path + ": its key is not one of P-256";
  } else if (X509_REQ_verify(request.get(), key.get()) != 1) {
    why = path + ": is not signed with its own key";
  } else if (only_name(X509_REQ_get_subject_name(request.get())) != name) {
    why = path + ": its common name is not " + name + ", so it is somebody else's";
  } else {
    return key;
  }
  return nullptr;
}

std::string to_pem(X509* certificate) {
  return pem_with([&](BIO* to) { return PEM_write_bio_X509(to, certificate); });
}

std::string to_pem(X509_REQ* request) {
  return pem_with([&](BIO* to) { return PEM_write_bio_X509_REQ(to, request); });
}

std::string to_pem(X509_CRL* list) {
  return pem_with([&](BIO* to) { return PEM_write_bio_X509_CRL(to, list); });
}

std::string to_pem(EVP_PKEY* key) {
  return pem_with([&](BIO* to) { return PEM_write_bio_PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

X509Ptr read_certificate_file(const std::string& path) {
  const BioPtr file = open_file(path);
  return X509Ptr(file == nullptr ? nullptr : PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
}

KeyPtr read_key_file(const std::string& path) {
  const BioPtr file = open_file(path);
  return KeyPtr(file == nullptr ? nullptr : PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, nullptr));
}

CrlPtr read_list_file(const std::string& path) {
  const BioPtr file = open_file(path);
  return CrlPtr(file == nullptr ? nullptr : PEM_read_bio_X509_CRL(file.get(), nullptr, nullptr, nullptr));
}

std::string serial_of(X509* certificate) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  std::string text;
  for (int i = 0; i < ASN1_STRING_length(serial); ++i) {
    const unsigned char byte = ASN1_STRING_get0_data(serial)[i];
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::int64_t end_of(const X509* certificate) {
  tm parts{};
  return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) == 1 ? timegm(&parts) : 0;
}

}  // namespace cubby::tools::pki
