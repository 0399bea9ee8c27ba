#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace cubby::aggregator {

/// Why a connection was not taken, or was ended without a session of its own doing. Each is counted
/// (docs/spec/http.md, /v1/status).
enum class ConnectionRefusal : std::uint8_t {
  kNotTls,             // Something else into the port of TLS.
  kTlsVersion,         // Older than 1.3.
  kNoCertificate,      //
  kForeignAuthority,   // A certificate that our authority has not signed.
  kExpired,            // Also of a connection that was up.
  kRevoked,            // Also of a connection that was up.
  kWrongRole,          // A good certificate, but not of a station or concentrator.
  kBadIdentity,        // Its names say no role.
  kRefusedByPeer,      // The other side did not want our certificate.
  kTlsOther,           //
  kHandshakeTimeout,   // TLS was not up in time.
  kHelloTimeout,       // No frame in time.
  kProofTimeout,       // No session in time.
  kOtherStation,       // Hello of a station that the certificate does not name; its channel only.
  kOtherCertificate,   // Proof of a station that is bound to another certificate's key; its channel only.
  kPendingOfAddress,   // Too many of this address without a session.
  kPendingInAll,       // Too many without a session.
  kTooManyConnections  //
};
inline constexpr std::size_t kConnectionRefusals = 18;

/// As it is called in /v1/status and in the log.
constexpr const char* to_text(ConnectionRefusal refusal) {
  constexpr std::array<const char*, kConnectionRefusals> kNames{"not_tls",           "tls_version",
                                                                "no_certificate",    "foreign_authority",
                                                                "expired",           "revoked",
                                                                "wrong_role",        "bad_identity",
                                                                "refused_by_peer",   "tls_other",
                                                                "tls_timeout",       "hello_timeout",
                                                                "proof_timeout",     "other_station",
                                                                "other_certificate", "pending_of_address",
                                                                "pending_in_all",    "too_many_connections"};
  return kNames[static_cast<std::size_t>(refusal)];
}
static_assert(static_cast<std::size_t>(ConnectionRefusal::kTooManyConnections) + 1 == kConnectionRefusals);

}  // namespace cubby::aggregator
