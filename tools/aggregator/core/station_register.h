#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/chain.h"
#include "tools/aggregator/core/certificate_binding.h"

namespace cubby::aggregator {

/// What a person decides about stations.
struct StationDecision {
  enum class Kind : std::uint8_t {
    kImport = 1,  // Lets all of them in; those that are let in already stay as they are.
    kApprove,     // Lets one in that waits.
    kQuarantine,  // Keeps one out.
    kRelease,     // Ends a quarantine.
    kRequireKey,  // Takes no older keys of one any more.
    kRebind,      // Lets another certificate's key speak for one.
    kForget       // Removes one that has reported nothing.
  };
  Kind kind = Kind::kApprove;
  std::vector<std::string> stations;  // kImport: 1 to kImportMax; otherwise one.
  std::optional<JournalUid> journal;  // kRelease: the true one; absent: the one that is known.

  std::uint32_t key_version = 1;  // kRequireKey: the oldest that is taken.

  // kRebind: who may take the bound one's place; kNamed: with `next_key`.
  CertificateBinding::Next next = CertificateBinding::Next::kNone;
  CertificateKey next_key = {};

  static constexpr std::size_t kImportMax = 500;
};

/// Where decisions about stations are made durable; implemented by the owner of the sessions. Called from any thread
/// but its own.
class StationRegister {
 public:
  enum class Outcome : std::uint8_t {
    kDone,             // And durable.
    kUnknownStation,   //
    kWrongState,       // The station is not in a state for it.
    kHasEvents,        // kForget: what it has reported stays, and so does its mark.
    kReplacedJournal,  // kRelease: that journal was replaced by a newer one.
    kFull,             // No station number is left.
    kUnavailable       // The store cannot commit now; nothing has changed.
  };
  struct Decided {
    Outcome outcome = Outcome::kUnavailable;
    std::size_t changed = 0;  // kImport: stations that were let in.
  };
  virtual Decided decide(const StationDecision& decision) = 0;

 protected:
  ~StationRegister() = default;
};

}  // namespace cubby::aggregator
