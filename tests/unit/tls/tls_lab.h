#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "firmware/tls/session.h"
#include "support/temporary_folder.h"
#include "tools/cubby/pki_authority.h"

/// Authorities in a folder of the test, and both ends of a connection without a socket.
namespace cubby::tls::testing {

inline constexpr std::int64_t kNow = 1'750'000'000;
inline constexpr std::int64_t kDay = 86'400;

/// An authority whose every call succeeds.
class TestAuthority {
 public:
  explicit TestAuthority(std::string folder) : folder_(std::move(folder)) {
    EXPECT_EQ(tools::PkiAuthority::init(folder_, kNow), "");
  }
  std::string issue(Identity identity, std::int64_t valid_s = kDay, std::int64_t now = kNow) {
    std::vector<std::string> hosts;
    if (identity.role == Role::kAggregator) {
      hosts = {"127.0.0.1", "centre.example"};
    }
    std::filesystem::path made;
    EXPECT_EQ(open()->issue({.identity = std::move(identity),
                             .hosts = hosts,
                             .valid_s = valid_s,
                             .renew = true,
                             .to = folder_ + "-" + std::to_string(++issued_),
                             .csr = {}},
                            now, made),
              "");
    return made;
  }
  std::string station(const std::string& name, std::int64_t valid_s = kDay) {
    return issue({.role = Role::kStation, .name = name, .stations = {name}}, valid_s);
  }
  std::string aggregator() { return issue({.role = Role::kAggregator, .name = "centre", .stations = {}}); }
  std::unique_ptr<tools::PkiAuthority> open() {
    std::string error;
    auto authority = tools::PkiAuthority::open(folder_, error);
    EXPECT_EQ(error, "");
    return authority;
  }
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  int issued_ = 0;
};

/// Puts a passphrase on a key file.
inline void encrypt_key(const std::string& file) {
  BIO* in = BIO_new_file(file.c_str(), "r");
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  ASSERT_NE(key, nullptr);
  BIO* out = BIO_new_file(file.c_str(), "w");
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), "word", 4, nullptr, nullptr), 1);
  BIO_free(out);
  EVP_PKEY_free(key);
}

inline std::shared_ptr<const Credentials> loaded(const std::string& folder, End end) {
  std::string why;
  auto credentials = Credentials::load(folder, end, why);
  EXPECT_NE(credentials, nullptr) << why;
  return credentials;
}

inline std::vector<std::byte> taken(Session& from) {
  return std::exchange(from.outgoing(), {});
}

/// Carries bytes to and fro until both are silent.
inline void talk(Session& a, Session& b) {
  for (int round = 0; round < 16; ++round) {
    const auto there = taken(a);
    b.receive(there);
    const auto back = taken(b);
    a.receive(back);
    std::array<std::byte, 1> nothing{};
    EXPECT_EQ(a.read(nothing) + b.read(nothing), 0U);  // Alerts show when somebody reads.
    if (there.empty() && back.empty()) {
      return;
    }
  }
  ADD_FAILURE() << "they never stop talking";
}

/// OpenSSL as others use it: any version, with or without a certificate.
class RawClient {
 public:
  explicit RawClient(const std::string& folder, int version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_, version);
    if (!folder.empty()) {
      EXPECT_EQ(SSL_CTX_use_certificate_file(context_, (folder + "/cert.pem").c_str(), SSL_FILETYPE_PEM), 1);
      EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_, (folder + "/key.pem").c_str(), SSL_FILETYPE_PEM), 1);
    }
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_);
  }
  ~RawClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void talk_to(Session& server) {
    for (int round = 0; round < 8; ++round) {
      SSL_do_handshake(ssl_);
      std::vector<std::byte> out(BIO_ctrl_pending(SSL_get_wbio(ssl_)));
      BIO_read(SSL_get_wbio(ssl_), out.data(), static_cast<int>(out.size()));
      server.receive(out);
      const auto back = taken(server);
      BIO_write(SSL_get_rbio(ssl_), back.data(), static_cast<int>(back.size()));
    }
  }

 private:
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

}  // namespace cubby::tls::testing
