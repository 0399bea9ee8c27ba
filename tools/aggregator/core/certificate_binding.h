#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/digest.h"
#include "tools/aggregator/core/hex.h"

namespace cubby::aggregator {

/// SHA-256 of a certificate's public key (SubjectPublicKeyInfo, DER).
using CertificateKey = Sha256Digest;
inline constexpr std::size_t kCertificateKeyDigitsShown = 16;  // In tables, of 64: enough to tell two apart.

/// As people type it: 64 digits of 0-9 and a-f.
inline bool is_certificate_key(std::string_view text) {
  CertificateKey key;
  return from_hex(text, key);
}

/// Whom a certificate belongs to.
struct CertificateHolder {
  std::string words;  // "station TW-0001", "concentrator gateway"; as people read it.
  CertificateKey key{};
};

/// One that has come, and since when.
struct CertificateSeen {
  CertificateHolder holder;
  std::uint64_t since_utc_ms = 0;
};

/// Which certificate's key speaks for a station. docs/spec/wire.md, 6.1.
struct CertificateBinding {
  enum class Next : std::uint8_t { kNone, kAny, kNamed };

  std::optional<CertificateSeen> bound;  // nullopt: it has not come with one yet.
  std::optional<CertificateSeen>
      refused;                // The newest that was refused since; without words: it came without a certificate.
  Next next = Next::kNone;    // Another key that a person lets in; it takes the bound one's place.
  CertificateKey next_key{};  // Of kNamed.

  /// Whether who comes with this certificate may speak for the station; null: without one.
  bool admits(const CertificateHolder* holder) const {
    if (holder != nullptr && bound && holder->key == bound->holder.key) {
      return true;
    }
    if (next == Next::kNone || holder == nullptr) {
      return !bound && next != Next::kNamed;
    }
    return next == Next::kAny || holder->key == next_key;
  }
  /// False: it has never been said or seen with one.
  bool is_of_interest() const { return bound || refused || next != Next::kNone; }
  /// It has come with this one, which is admitted. False: nothing is new.
  bool bind(const CertificateHolder& holder, std::uint64_t utc_ms) {
    if (bound && holder.key == bound->holder.key) {
      const bool renamed = holder.words != bound->holder.words;
      bound->holder.words = holder.words;
      return renamed;
    }
    *this = {.bound = CertificateSeen{.holder = holder, .since_utc_ms = utc_ms}, .refused = {}, .next_key = {}};
    return true;
  }
  /// This one was refused; null: it came without one. False: that is known of it.
  bool note_refused(const CertificateHolder* holder, std::uint64_t utc_ms) {
    const CertificateHolder other = holder != nullptr ? *holder : CertificateHolder();
    if (refused && refused->holder.key == other.key && refused->holder.words == other.words) {
      return false;
    }
    refused = CertificateSeen{.holder = other, .since_utc_ms = utc_ms};
    return true;
  }
};

}  // namespace cubby::aggregator
