#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "cubby/v1/event.pb.h"
#include "cubby/v1/uplink.pb.h"
#include "firmware/base/chain.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"
#include "firmware/base/prng.h"
#include "support/temporary_folder.h"
#include "tools/aggregator/core/connection_protocol.h"

/// A station and its connection, as scripts: what the other side of the uplink looks like.
namespace cubby::aggregator::testing {

inline constexpr std::uint64_t kNoonUtcMs = 1'740'974'400'000;  // 2025-03-03 04:00 UTC, noon in Taiyuan.

inline std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline StationKey filled_key(std::byte value) {
  StationKey key;
  key.fill(value);
  return key;
}

inline CentreOptions test_options() {
  CentreOptions options;
  options.fleet_keys = FleetKeys(filled_key(std::byte{7}));
  options.store_uid.fill(std::byte{1});
  options.fill_random = [](MutableBytes bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{9}); };
  return options;
}

/// A journal that grows by add(); batches are cut from it anywhere.
class TestJournal {
 public:
  std::uint64_t previous_session = 0;  // That Hello names.
  std::uint32_t key_version = 0;       // Likewise; 0: none.
  bool takes_commands = true;          // Likewise.

  explicit TestJournal(std::string station, unsigned char uid = 1) : station_(std::move(station)) {
    uid_.fill(static_cast<std::byte>(uid));
    chains_.push_back(chain_start(uid_));
  }
  void add_bytes(std::string payload) {
    chains_.push_back(chain_next(chains_.back(), events_.size() + 1, as_bytes(payload)));
    events_.push_back(std::move(payload));
  }
  void add(const v1::Event& event) { add_bytes(event.SerializeAsString()); }
  v1::Event event(std::uint64_t utc_ms = kNoonUtcMs) const {
    v1::Event made;
    made.set_boot(1);
    made.set_wall_ms(utc_ms);
    return made;
  }
  void open(const std::string& city = "Taiyuan", int doors = 10) {
    v1::Event made = event();
    made.mutable_journal_opened()->set_journal_uid(text_of(uid_));
    add(made);
    v1::StationConfig& config = *made.mutable_config_applied()->mutable_config();
    config.set_version(1);
    config.set_station(station_);
    config.set_city(city);
    config.set_utc_offset_min(480);
    for (int i = 0; i < doors; ++i) {
      config.add_door_size(v1::SIZE_M);
    }
    add(made);
    made.mutable_snapshot()->set_states(std::string(static_cast<std::size_t>(doors), '\1'));
    add(made);
  }
  void deposit(std::uint32_t door, std::uint64_t utc_ms = kNoonUtcMs) {
    v1::Event made = event(utc_ms);
    v1::Deposited& body = *made.mutable_deposited();
    body.set_compartment(door);
    body.set_counter(events_.size() + 1);
    body.set_carrier("sf");
    body.set_size(v1::SIZE_M);
    body.set_attempts(1);
    body.set_open_ms(5'000);
    add(made);
  }
  void collect(std::uint32_t door, std::uint64_t utc_ms = kNoonUtcMs) {
    v1::Event made = event(utc_ms);
    v1::Collected& body = *made.mutable_collected();
    body.set_compartment(door);
    body.set_carrier("sf");
    body.set_size(v1::SIZE_M);
    body.set_attempts(1);
    body.set_dwell_ms(3'600'000);
    add(made);
  }
  /// Pretends that the next `count` events never existed but for their place and chain.
  v1::Up lose(std::uint64_t count) {
    v1::Up up;
    v1::Gap& gap = *up.mutable_gap();
    gap.set_journal_uid(text_of(uid_));
    gap.set_from_seq(next_seq());
    for (std::uint64_t i = 0; i < count; ++i) {
      add_bytes("lost");
    }
    gap.set_to_seq(next_seq() - 1);
    gap.set_cause(v1::GAP_CAUSE_DAMAGED);
    gap.set_new_chain(chains_.back());
    return up;
  }

  v1::Up batch(std::uint64_t first, std::uint64_t last) const {
    v1::Up up;
    v1::Batch& batch = *up.mutable_batch();
    batch.set_journal_uid(text_of(uid_));
    batch.set_first_seq(first);
    batch.set_previous_chain(chains_[first - 1]);
    for (std::uint64_t seq = first; seq <= last; ++seq) {
      batch.add_events(events_[seq - 1]);
    }
    return up;
  }
  v1::Up hello(bool announce_new_journal = false) const {
    v1::Up up;
    v1::Hello& hello = *up.mutable_hello();
    hello.set_protocol(1);
    hello.set_station(station_);
    hello.set_journal_uid(text_of(uid_));
    hello.set_boot(1);
    hello.set_oldest_seq(1);
    hello.set_next_seq(next_seq());
    hello.set_nonce(std::string(16, 'n'));
    hello.set_previous_session(previous_session);
    hello.set_key_version(key_version);
    if (takes_commands) {
      hello.add_capabilities(v1::CAPABILITY_COMMANDS);
    }
    if (announce_new_journal) {
      hello.add_capabilities(v1::CAPABILITY_NEW_JOURNAL);
    }
    return up;
  }
  v1::Up proof(const std::string& challenge_nonce) const {
    const StationKey key = derive_station_key(filled_key(std::byte{7}), station_, key_version == 0 ? 1 : key_version);
    const std::string nonce(16, 'n');
    const std::array<Bytes, 5> parts{as_bytes("cubby uplink v1"), as_bytes(challenge_nonce), as_bytes(nonce), uid_,
                                     as_bytes(station_)};
    v1::Up up;
    up.mutable_proof()->set_mac(text_of(hmac_sha256(key, parts)));
    return up;
  }
  std::uint64_t next_seq() const { return events_.size() + 1; }
  Chain chain(std::uint64_t seq) const { return chains_[seq]; }
  const std::string& station() const { return station_; }
  const JournalUid& uid() const { return uid_; }
  const std::vector<std::string>& events() const { return events_; }

 private:
  std::string station_;
  JournalUid uid_{};
  std::vector<std::string> events_;
  std::vector<Chain> chains_;
};

/// One connection to a Centre.
class TestConnection final : public ConnectionOwner {
 public:
  std::uint64_t now_utc_ms = kNoonUtcMs;

  explicit TestConnection(Centre& centre, bool allow_virtual_time = true)
      : protocol_(centre, *this, {.allow_virtual_time = allow_virtual_time}) {}
  void on_output() override {}

  ConnectionProtocol::Verdict send_bytes(std::uint32_t channel, const std::string& message,
                                         std::uint64_t utc_ms = kNoonUtcMs) {
    return protocol_.on_frame({.channel = channel, .message = as_bytes(message)}, utc_ms);
  }
  ConnectionProtocol::Verdict send(std::uint32_t channel, const v1::Up& up) {
    return send_bytes(channel, up.SerializeAsString(), now_utc_ms);
  }
  struct Received {
    std::uint32_t channel = 0;
    v1::Down down;
  };
  /// What has been let out since the last call.
  std::vector<Received> take() {
    std::vector<Received> all;
    const std::vector<std::byte> bytes = std::exchange(protocol_.ready(), {});
    Bytes rest(bytes);
    while (!rest.empty()) {
      const auto parsed = wire::parse_frame(rest, limits::kFrameDownMax);
      EXPECT_EQ(parsed.kind, wire::FrameParse::Kind::kFrame);
      if (parsed.kind != wire::FrameParse::Kind::kFrame) {
        break;
      }
      Received& one = all.emplace_back();
      one.channel = parsed.frame.channel;
      EXPECT_TRUE(one.down.ParseFromArray(parsed.frame.message.data(), static_cast<int>(parsed.frame.message.size())));
      rest = rest.subspan(parsed.consumed);
    }
    return all;
  }
  /// The only message let out; an empty one if there was another number of them.
  v1::Down take_one() {
    const auto all = take();
    EXPECT_EQ(all.size(), 1U);
    return all.size() == 1 ? all.front().down : v1::Down();
  }
  v1::RefuseCode take_refusal() { return take_one().refuse().code(); }

  /// Hello, Challenge, Proof; then whatever the centre answers (perhaps only after a commit).
  void greet(std::uint32_t channel, const TestJournal& journal, bool announce_new_journal = false) {
    send(channel, journal.hello(announce_new_journal));
    const v1::Down challenge = take_one();
    ASSERT_TRUE(challenge.has_challenge()) << challenge.ShortDebugString();
    send(channel, journal.proof(challenge.challenge().nonce()));
  }
  ConnectionProtocol& protocol() { return protocol_; }

 private:
  ConnectionProtocol protocol_;
};

using tests::TemporaryFolder;

}  // namespace cubby::aggregator::testing
