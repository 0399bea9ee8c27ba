#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cubby/v1/uplink.pb.h"
#include "firmware/wire/framing/frame.h"
#include "tools/aggregator/core/centre.h"
#include "tools/aggregator/core/peer_identity.h"

namespace cubby::aggregator {

/// Told by the protocol; implemented by the owner of the socket.
class ConnectionOwner {
 public:
  /// Bytes appeared in ready(). May be called inside another connection's on_frame().
  virtual void on_output() = 0;

 protected:
  ~ConnectionOwner() = default;
};

/// One connection as the protocol sees it: channels with one session each (docs/spec/wire.md). Frames and
/// time in, frames out; no socket and no clock.
///
/// Answers that promise durability, and every answer after them, are held back until on_commit().
class ConnectionProtocol {
 public:
  struct Options {
    bool allow_virtual_time = false;
  };
  static constexpr std::size_t kChannelsMax = 65'536;
  static constexpr std::size_t kUnprovenMax = 64;  // Channels without a session; in virtual time kChannelsMax.
  static constexpr std::size_t kFramesBeforeWelcomeMax = 2 * kUnprovenMax;  // Hello and Proof; not in virtual time.
  static constexpr std::size_t kHelloBytesMax = 1'024;                      // Of any message before Welcome.

  ConnectionProtocol(Centre& centre, ConnectionOwner& owner, Options options);
  ~ConnectionProtocol();
  ConnectionProtocol(const ConnectionProtocol&) = delete;
  ConnectionProtocol& operator=(const ConnectionProtocol&) = delete;

  /// The other side has a certificate: from now on only its stations may say Hello. Before the first frame.
  void set_peer(PeerIdentity peer) { peer_ = std::move(peer); }

  enum class Verdict : std::uint8_t { kGoOn, kClose };
  /// One frame. `utc_ms`: the centre's clock; a virtual connection counts in its own. kClose: the
  /// connection itself broke a rule (close_reason()); what is in ready() may still be written.
  Verdict on_frame(const wire::Frame& frame, std::uint64_t utc_ms);

  std::vector<std::byte>& ready() { return ready_; }
  std::size_t held_size() const { return held_.size(); }
  bool waits_for_commit() const { return waits_; }
  bool waits_at_barrier() const { return barrier_; }
  bool is_virtual() const { return virtual_; }
  bool has_frame() const { return has_frame_; }        // A valid one was seen.
  bool has_welcomed() const { return has_welcomed_; }  // Some session was proven.
  std::size_t channel_count() const { return channels_.size(); }
  const std::string& close_reason() const { return close_reason_; }

  /// To a station whose session this is; written once. It expires `life_ms` from now, which is `utc_ms` or the
  /// connection's virtual time. kNotLive: at full speed nobody may say anything unasked.
  CommandSink::Sent send_command(std::uint32_t channel, const v1::Command& command, std::uint64_t utc_ms,
                                 std::uint64_t life_ms);
  struct Expulsion {
    v1::RefuseCode code = v1::REFUSE_CODE_UNSPECIFIED;
    bool permanent = false;
    const char* detail = "";
  };
  /// By Centre: ends the session of this station, which is one of ours, because of what is known or decided now.
  void expel(const StationRecord& station, const Expulsion& why);
  /// By Centre: everything applied so far is durable.
  void on_commit();

 private:
  enum class State : std::uint8_t { kChallenged = 1, kStreaming, kEnded };
  struct Channel {
    State state = State::kEnded;
    StationRecord* station = nullptr;  // Streaming only.
    std::string name;                  // Claimed by Hello; the rest is kept until Proof.
    JournalUid journal_uid{};
    Nonce station_nonce{};
    Nonce nonce{};
    std::uint64_t next_seq = 0;
    std::uint64_t last_ack_seq = 0;
    Chain last_ack_chain = 0;
    std::uint64_t last_ack_generation = 0;  // 0: another store's.
    bool has_last_ack = false;
    bool announces_new_journal = false;
    bool takes_commands = false;
    std::uint64_t previous_session = 0;
    std::uint32_t key_version = 1;
    std::uint64_t newest_ms = 0;  // Virtual time of its last frame in a session.
  };

  Verdict close(std::string reason);
  static constexpr std::uint32_t kNewestKind = v1::Up::kDiverged;
  static bool find_kind(Bytes message, std::uint32_t& kind, Bytes& body);
  Verdict on_session_frame(std::uint32_t number, Channel& channel, std::uint32_t kind, Bytes body);
  bool has_room() const;
  bool has_patience(std::size_t frame_bytes);
  void pause(std::uint32_t number, const StationRecord& station);
  Verdict on_virtual_time(Bytes message);
  void on_hello(std::uint32_t number, Bytes body);
  void on_proof(std::uint32_t number, Channel& channel, Bytes body);
  void on_batch(std::uint32_t number, Channel& channel, Bytes body);
  void on_gap(std::uint32_t number, Channel& channel, Bytes body);
  void on_ping(std::uint32_t number, Channel& channel, Bytes body);
  void on_alert(std::uint32_t number, Bytes body);
  void on_diverged(std::uint32_t number, Channel& channel, Bytes body);
  void welcome(std::uint32_t number, Channel& channel);
  /// Of this connection's certificate; null: plaintext.
  const CertificateHolder* holder() const { return peer_ ? &peer_->holder : nullptr; }
  bool admit(std::uint32_t number, Channel& channel);
  bool admit_known(std::uint32_t number, Channel& channel);
  bool adopt_journal(std::uint32_t number, Channel& channel);
  bool fits_mark(std::uint32_t number, Channel& channel);
  bool is_alone(std::uint32_t number, Channel& channel);
  void fence_older(StationRecord& station);
  void notice_forgotten_ack(const Channel& channel);
  void conflict(std::uint32_t number, StationRecord& station, QuarantineReason reason, const char* detail,
                const std::optional<JournalUid>& other_journal = std::nullopt);
  void end_session(Channel& channel);
  void refuse(std::uint32_t number, v1::RefuseCode code, bool permanent, const char* detail);
  void answer(std::uint32_t number, Channel& channel, Centre::Applied applied);
  void ack(std::uint32_t number, const StationRecord& station);
  void send(std::uint32_t number, const v1::Down& down);
  void promise(const StationRecord& station);
  std::vector<std::byte>& sink() { return waits_ ? held_ : ready_; }

  Centre& centre_;
  ConnectionOwner& owner_;
  Options options_;
  std::optional<PeerIdentity> peer_;  // Absent: plaintext; the proof alone says who it is.
  std::unordered_map<std::uint32_t, Channel> channels_;
  std::vector<std::byte> ready_;
  std::vector<std::byte> held_;
  std::size_t streaming_ = 0;  // Channels with a session.
  std::size_t frames_before_welcome_ = 0;
  Budget outside_;      // Of all frames that belong to no session.
  bool waits_ = false;  // Something in held_ needs a commit first.
  bool barrier_ = false;
  bool virtual_ = false;
  bool has_barriers_ = false;  // An emulator at full speed: it waits for answers only.
  bool has_frame_ = false;
  bool has_welcomed_ = false;
  std::uint64_t utc_ms_ = 0;
  std::string close_reason_;
  v1::Down down_;  // Scratch, so that its memory is reused.
};

}  // namespace cubby::aggregator
