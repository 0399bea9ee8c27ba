#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "cubby/v1/uplink.nanopb.h"
#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"
#include "firmware/base/instant.h"
#include "firmware/base/limits.h"
#include "firmware/base/prng.h"
#include "firmware/base/result.h"
#include "firmware/base/trace.h"
#include "firmware/hal/network_link.h"
#include "firmware/hal/random_source.h"
#include "firmware/wire/framing/frame.h"

/// The station's side of the uplink as a pure state machine (docs/spec/wire.md). About 8.5 KiB: one
/// frame up and one frame down.
namespace cubby::wire {

enum class UplinkState : std::uint8_t {
  kOffline = 1,  // Waiting for the next try.
  kConnect,      // The link is being opened.
  kHello,        // Hello sent, Challenge awaited.
  kProof,        // Proof sent, Welcome awaited.
  kStream,       // After SYNC: sending batches, handling acknowledgements.
  kPaused,
  kConflict,  // The centre's history is not ours; stopped but for an hourly look whether a person has helped.
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
  /// Oldest event that can be sent to a centre that holds all up to event `held`.
  virtual std::uint64_t oldest_seq(std::uint64_t held) const = 0;
  virtual std::uint64_t next_seq() const = 0;
  virtual Result<std::size_t> read_event(std::uint64_t seq, MutableBytes into, Chain& chain) const = 0;
  virtual std::optional<Chain> chain_at(std::uint64_t seq) const = 0;
  virtual std::optional<UplinkMark> last_ack() const = 0;
  /// Event `seq` does not read well, and is not waited for any more: kOk: oldest_seq() passes it from now on.
  virtual Status give_up_from(std::uint64_t seq) = 0;
  /// Makes the mark durable; kBadInput: its chain is not ours; kCorrupt: our own does not read well.
  virtual Status acknowledge(const UplinkMark& mark) = 0;

 protected:
  ~EventSource() = default;
};

/// What the uplink tells its owner; called inside tick().
class UplinkListener {
 public:
  /// The centre's time, at each Welcome; it was true at some moment of the `round_trip` that ends now.
  virtual void on_centre_time(std::uint64_t utc_ms, Duration round_trip) = 0;
  /// A decoded Command message (cubby_v1_Command); `rules` is the encoded StationRules of a Configure, else
  /// empty. Both valid for the call only.
  virtual void on_command(const cubby_v1_Command& command, Bytes rules) = 0;
  /// Events were given up as a Gap; the owner appends a Snapshot.
  virtual void on_gap() = 0;

 protected:
  ~UplinkListener() = default;
};

struct UplinkIdentity {
  std::string_view station;  // Must outlive the uplink.
  StationKey key{};
  std::uint32_t key_version = 1;
  std::uint32_t config_version = 0;
  std::array<std::byte, limits::kConfigHashSize> config_hash{};
  bool announce_new_journal = false;  // CAPABILITY_NEW_JOURNAL in Hello.
};

struct UplinkPolicy {
  Duration report_interval{};  // 0: at once. Else sent at the next multiple plus `report_phase`.
  Duration report_phase{};
  Duration response_deadline = Duration::seconds(90);
};

class Uplink {
 public:
  Uplink(hal::NetworkLink& link, EventSource& events, hal::RandomSource& random, UplinkListener& listener,
         TraceSink* trace);

  void start(const UplinkIdentity& identity, const UplinkPolicy& policy, Instant now);
  /// Another configuration is in force: the next Hello names it, and reports follow `policy` from `now` on. A
  /// deadline that runs already is kept.
  void change(std::uint32_t config_version, const std::array<std::byte, limits::kConfigHashSize>& config_hash,
              const UplinkPolicy& policy, Instant now);
  /// Does all work that is due: opens the link, reads, answers, streams batches from flash. Call it also
  /// when bytes came in or the link's state changed: no deadline stands for that.
  Wake tick(Instant now);
  /// A security event: send what is there now, do not wait for the interval.
  void flush();
  UplinkState state() const { return state_; }
  std::uint64_t acknowledged_seq() const { return acked_seq_; }
  /// When a quiet session says a Ping, or gives up waiting for its answer; max: there is none. Only a dead link depends
  /// on it.
  Instant ping_due() const;

  /// See firmware/base/image.h; `station` as in start().
  template <typename Image>
  void image(Image& image, std::string_view station) {
    std::size_t unsent = unsent_.size();
    std::size_t unsent_at = unsent == 0 ? 0 : static_cast<std::size_t>(unsent_.data() - transmit_.data());
    image(identity_.key, identity_.key_version, identity_.config_version, identity_.config_hash,
          identity_.announce_new_journal, policy_, jitter_, state_, started_, next_try_, proof_sent_, answer_by_,
          ping_answer_by_, next_report_, next_ping_, paused_until_, failures_, nonce_, store_uid_, generation_,
          session_, acked_seq_, sent_seq_, sent_chain_, report_target_, gap_told_, unreadable_, window_,
          batch_events_max_, frame_size_max_, unsent_at, unsent, transmit_, receive_buffer_, parser_);
    identity_.station = started_ ? station : std::string_view{};
    CUBBY_ASSERT(unsent_at <= transmit_.size() && unsent <= transmit_.size() - unsent_at);
    unsent_ = unsent == 0 ? Bytes{} : Bytes(transmit_).subspan(unsent_at, unsent);
  }

 private:
  static constexpr std::size_t kTransmitSize = 4096;
  static_assert(kTransmitSize >= limits::kEventBytesMax + 128, "any event fits a batch of its own");

  bool in_session() const { return state_ >= UplinkState::kHello && state_ <= UplinkState::kPaused; }
  void enter(UplinkState state);
  void disconnect();
  void fail(Instant now, Duration at_least = {});   // Closes and waits for the next try.
  void stop(Instant now);                           // A person must help.
  void contradict(std::uint64_t seq, Instant now);  // Tells why, then stops.
  void await_farewell(Instant now);
  void schedule_look(Instant now);
  void open_link(Instant now);
  void await_link(Instant now);
  void send_hello(Instant now);
  void send(const cubby_v1_Up& up, Instant now);
  void transmit(Bytes frame, Instant now);
  void receive(Instant now);
  void handle(Bytes message, Instant now);
  void on_challenge(const cubby_v1_Challenge& challenge, Instant now);
  void on_welcome(const cubby_v1_Welcome& welcome, Instant now);
  void keep_from(std::uint64_t oldest, Chain chain_before);
  bool sync(const cubby_v1_Welcome& welcome, Instant now);
  void on_ack(const cubby_v1_Ack& ack, Instant now);
  void on_pause(const cubby_v1_Pause& pause, Instant now);
  void on_refuse(const cubby_v1_Refuse& refuse, Instant now);
  void exchange(Instant now);
  void stream(Instant now);
  bool send_batch(Instant now);
  void pass_missing(std::uint64_t seq, Status why, Instant now);
  void ping(Instant now);
  void await_answer(Instant now);
  void heard_or_told(Instant now);
  Instant next_report_after(Instant now) const;
  Wake next_wake(Instant now) const;

  hal::NetworkLink& link_;
  EventSource& events_;
  hal::RandomSource& random_;
  UplinkListener& listener_;
  TraceSink* trace_;
  UplinkIdentity identity_;
  UplinkPolicy policy_;
  Prng jitter_{0};

  UplinkState state_ = UplinkState::kOffline;
  bool started_ = false;
  Instant next_try_{};
  Instant proof_sent_{};
  Instant answer_by_ = Instant::max();  // To Hello, Proof or data; max(): none is awaited.
  Instant ping_answer_by_ = Instant::max();
  Instant next_report_{};
  Instant next_ping_{};
  Instant paused_until_{};
  std::uint32_t failures_ = 0;  // In a row, since the last Welcome.
  Nonce nonce_{};
  StoreUid store_uid_{};
  std::uint64_t generation_ = 0;
  std::uint64_t session_ = 0;  // The newest one since the boot; 0: none yet.
  std::uint64_t acked_seq_ = 0;
  std::uint64_t sent_seq_ = 0;
  Chain sent_chain_ = 0;             // After event sent_seq_.
  std::uint64_t report_target_ = 0;  // Send up to here, then wait for the next report.
  std::uint64_t gap_told_ = 0;       // Last event of the last Gap that the listener knows of.
  std::uint64_t unreadable_ = 0;     // The event that did not read well the last time.
  std::uint32_t window_ = 0;
  std::uint32_t batch_events_max_ = 1;
  std::uint32_t frame_size_max_ = 0;
  Bytes unsent_;  // Within transmit_: a frame that the link had no room for.
  std::array<std::byte, kTransmitSize> transmit_{};
  std::array<std::byte, limits::kFrameDownMax + kFrameHeaderMax> receive_buffer_{};
  FrameParser parser_;
};

}  // namespace cubby::wire
