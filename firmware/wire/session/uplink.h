#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"
#include "firmware/base/instant.h"
#include "firmware/base/limits.h"
#include "firmware/base/prng.h"
#include "firmware/base/result.h"
#include "firmware/base/trace.h"
#include "firmware/hal/network_link.h"
#include "firmware/hal/random_source.h"

/// The station's side of the uplink as a pure state machine (docs/spec/wire.md).
namespace cubby::wire {

enum class UplinkState : std::uint8_t {
  kOffline = 1,   // Waiting for the next try.
  kConnect,       // The link is being opened.
  kHello,         // Hello sent, Challenge awaited.
  kProof,         // Proof sent, Welcome awaited.
  kStream,        // After SYNC: sending batches, handling acknowledgements.
  kPaused,
  kConflict,      // The centre's history is not ours; stopped until a person helps.
};

struct UplinkMark {
  std::uint64_t seq = 0;
  Chain chain = 0;
  StoreUid store_uid{};
  std::uint64_t generation = 0;
};

/// The journal as the uplink sees it; implemented by core/outbox.
class EventSource {
 public:
  virtual JournalUid uid() const = 0;
  virtual std::uint32_t boot() const = 0;
  virtual std::uint64_t oldest_seq() const = 0;
  virtual std::uint64_t next_seq() const = 0;
  virtual Result<std::size_t> read_event(std::uint64_t seq, MutableBytes into, Chain& chain) const = 0;
  virtual std::optional<Chain> chain_at(std::uint64_t seq) const = 0;
  virtual std::optional<UplinkMark> last_ack() const = 0;
  /// Makes the mark durable; kBadInput: its chain is not ours.
  virtual Status acknowledge(const UplinkMark& mark) = 0;

 protected:
  ~EventSource() = default;
};

/// What the uplink tells its owner; called inside tick().
class UplinkListener {
 public:
  /// The centre's time, at each Welcome.
  virtual void on_centre_time(std::uint64_t utc_ms) = 0;
  /// A decoded Command message (cubby_v1_Command); valid for the call only.
  virtual void on_command(const void* nanopb_command) = 0;

 protected:
  ~UplinkListener() = default;
};

struct UplinkIdentity {
  std::string_view station;               // Must outlive the uplink.
  StationKey key{};
  std::uint32_t key_version = 1;
  std::uint32_t config_version = 0;
  std::array<std::byte, limits::kConfigHashSize> config_hash{};
  bool announce_new_journal = false;      // CAPABILITY_NEW_JOURNAL in Hello.
};

struct UplinkPolicy {
  Duration report_interval{};             // 0: at once. Else sent at the next multiple plus `report_phase`.
  Duration report_phase{};
  Duration response_deadline = Duration::seconds(90);
};

class Uplink {
 public:
  Uplink(hal::NetworkLink& link, EventSource& events, hal::RandomSource& random, UplinkListener& listener,
         TraceSink* trace);

  void start(const UplinkIdentity& identity, const UplinkPolicy& policy, Instant now);
  /// Does all work that is due: opens the link, reads, answers, streams batches from flash.
  Wake tick(Instant now);
  /// A security event: send what is there now, do not wait for the interval.
  void flush();
  UplinkState state() const;
  std::uint64_t acknowledged_seq() const;

 private:
  // BEGIN members (owned by the implementation)
  hal::NetworkLink& link_;
  // END members
};

}  // namespace cubby::wire
