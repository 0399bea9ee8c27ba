#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/digest.h"
#include "firmware/tls/identity.h"

/// TLS 1.3 with a certificate at either end, as bytes in and bytes out: no socket, no clock, no thread. One engine for
/// the controller's port, the emulator and the aggregator (docs/adr/0011-tls-engine.md). OpenSSL is in session.cpp and
/// credentials.cpp only.
namespace cubby::tls {

enum class End : std::uint8_t { kClient, kServer };

/// The most that is read before the other side's certificate is found good, and of that the certificate itself.
inline constexpr std::size_t kHandshakeMax = 16 * 1024;
inline constexpr std::size_t kCertificatesMax = 4 * 1024;

struct Certificate {
  Identity identity;
  std::string serial;  // Hexadecimal, capital letters.
  std::int64_t begins_utc_s = 0;
  std::int64_t expires_utc_s = 0;
  Sha256Digest key_sha256{};  // Of its SubjectPublicKeyInfo in DER: what stays when it is renewed for the same key.
};

/// The certificate in a PEM file; nullopt: none that can be read, or its names are not an identity.
std::optional<Certificate> read_certificate(const std::string& file);

/// What one end is and whom it believes: cert.pem, key.pem, ca.pem and crl.pem of a folder, as `cubby pki issue` makes
/// it. Never changes; a renewed folder is loaded anew.
class Credentials {
 public:
  struct Parts;
  /// `end` kServer needs the role aggregator and a crl.pem; kClient the role station or concentrator, and looks into
  /// crl.pem if there is one. Null: `why` is a sentence for a person. Whether the certificate has expired is not
  /// looked at: own().
  static std::shared_ptr<const Credentials> load(const std::string& folder, End end, std::string& why);
  Credentials(std::unique_ptr<Parts> parts, Certificate own);
  ~Credentials();
  const Certificate& own() const { return own_; }
  const Parts& parts() const { return *parts_; }

 private:
  std::unique_ptr<Parts> parts_;
  Certificate own_;
};

/// Why a handshake, or a session after it, came to nothing.
enum class Refusal : std::uint8_t {
  kNone,
  kNotTls,         // The first byte is of something else.
  kVersion,        // TLS 1.2 or older.
  kNoCertificate,  // The client brought none.
  kForeign,        // Not signed by our authority.
  kExpired,        // Expired, or not valid yet.
  kRevoked,        // In the revocation list.
  kWrongRole,      // A good certificate that is not for this.
  kIdentity,       // Its names say no role, or the server is another than was asked for.
  kByPeer,         // The other side did not want us; detail() has its alert.
  kOther,
};

struct SessionOptions {
  std::string server_name;            // Client: an address in digits or a name, which the certificate must have.
  std::optional<std::int64_t> utc_s;  // For the certificate's validity; nullopt: nobody knows the time, not looked at.
};

/// One connection. Neither resumed nor renegotiated, no early data.
class Session {
 public:
  enum class State : std::uint8_t { kHandshake, kUp, kEnded };

  Session(std::shared_ptr<const Credentials> credentials, End end, const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Takes what came from the wire. Then look at state(), read() and outgoing().
  void receive(Bytes wire);
  /// The oldest of what the other side has said; how many bytes. 0: nothing now.
  std::size_t read(MutableBytes into);
  /// Says it; only when kUp.
  void write(Bytes plain);
  /// What has to go out; the caller takes it away. Also after kEnded: the alert that says why.
  std::vector<std::byte>& outgoing() { return outgoing_; }

  State state() const { return state_; }
  Refusal refusal() const { return refusal_; }
  /// One line for a log, of OpenSSL's own words.
  const std::string& detail() const { return detail_; }
  /// Of the other side; valid once kUp.
  const Certificate& peer() const { return peer_; }
  /// Whether `newer` would still believe the other side's certificate; kNone: yes.
  Refusal judge_again(const Credentials& newer, std::optional<std::int64_t> utc_s) const;

 private:
  struct Parts;
  friend struct Judge;
  void step();
  void drain();
  void fail(int result);
  void end(Refusal refusal, std::string_view detail);

  std::shared_ptr<const Credentials> credentials_;
  End end_;
  std::unique_ptr<Parts> parts_;
  State state_ = State::kHandshake;
  Refusal refusal_ = Refusal::kNone;
  std::string detail_;
  Certificate peer_;
  std::size_t handshake_size_ = 0;
  std::vector<std::byte> outgoing_;
};

}  // namespace cubby::tls
