#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cubby/v1/uplink.pb.h"
#include "firmware/base/chain.h"
#include "firmware/base/hotp.h"
#include "firmware/base/prng.h"
#include "firmware/wire/session/uplink.h"

/// A station's uplink with everything round it in memory: a link that can be slow, cut or deaf, a
/// journal in a vector, and helpers to speak as the centre does, with libprotobuf.
namespace cubby::wire::test {

inline constexpr std::string_view kStation = "SX-TY-0007";

class FakeLink final : public hal::NetworkLink {
 public:
  hal::LinkState state_now = hal::LinkState::kDown;
  bool refuses = false;         // connect() ends in kDown.
  bool answers_at_once = true;  // Up right after connect(); else kConnecting until somebody says.
  bool deaf = false;            // What the station sends is lost (one-way partition).
  std::size_t room = SIZE_MAX;  // Bytes that may lie in `up` before send() answers kBusy.
  std::string up;               // Sent by the station.
  std::string down;             // To the station.
  int connects = 0;
  int closes = 0;
  int sends_refused = 0;

  void drop() { state_now = hal::LinkState::kDown; }

 private:
  Status do_connect() override;
  hal::LinkState do_state() const override { return state_now; }
  Status do_send(Bytes bytes) override;
  std::size_t do_receive(MutableBytes into) override;
  void do_close() override;
};

class FakeEvents final : public EventSource {
 public:
  explicit FakeEvents(std::uint8_t uid_byte = 0x11);
  void append(std::string payload);
  void append_many(std::size_t count, std::size_t size = 20);
  /// Forgets events below `oldest`.
  void trim_to(std::uint64_t oldest) { oldest_ = oldest; }
  const std::string& payload(std::uint64_t seq) const { return events_.at(seq - 1).payload; }
  Chain chain(std::uint64_t seq) const { return seq == 0 ? chain_start(uid_) : events_.at(seq - 1).chain; }

  bool trusting = false;         // acknowledge() takes any chain.
  std::uint64_t unreadable = 0;  // This event cannot be read; with the one behind it in its sector.
  std::uint64_t lost_from = 0;   // The hole that it left, once it was given up.
  std::uint64_t lost_to = 0;
  bool mark_is_rotten = false;           // acknowledge() cannot read its own.
  bool stuck = false;                    // give_up_from() fails.
  int given_up = 0;                      // Calls of give_up_from().
  std::optional<UplinkMark> mark;        // What last_ack() says.
  std::vector<UplinkMark> acknowledged;  // Every call.
  mutable int reads = 0;

  JournalUid uid() const override { return uid_; }
  std::uint32_t boot() const override { return 3; }
  std::uint64_t oldest_seq(std::uint64_t held) const override;
  std::uint64_t next_seq() const override { return events_.size() + 1; }
  Result<std::size_t> read_event(std::uint64_t seq, MutableBytes into, Chain& chain) const override;
  std::optional<Chain> chain_at(std::uint64_t seq) const override;
  std::optional<UplinkMark> last_ack() const override { return mark; }
  Status give_up_from(std::uint64_t seq) override;
  Status acknowledge(const UplinkMark& mark) override;

 private:
  struct Stored {
    std::string payload;
    Chain chain = 0;
  };
  JournalUid uid_;
  std::uint64_t oldest_ = 1;
  std::vector<Stored> events_;
};

class FakeRandom final : public hal::RandomSource {
 public:
  explicit FakeRandom(std::uint64_t seed) : prng_(seed) {}
  bool broken = false;

 private:
  Status do_fill(MutableBytes into) override;
  Prng prng_;
};

class FakeListener final : public UplinkListener {
 public:
  std::vector<std::uint64_t> times;
  std::vector<std::uint32_t> opened;               // Compartments of OpenDoor commands.
  std::vector<std::vector<std::byte>> configured;  // Encoded rules of Configure commands.
  int gaps = 0;
  FakeEvents* snapshot_into = nullptr;  // If given, on_gap() appends an event there.

  void on_centre_time(std::uint64_t utc_ms, Duration /*round_trip*/) override { times.push_back(utc_ms); }
  void on_command(const cubby_v1_Command& command, Bytes rules) override {
    if (command.which_body == cubby_v1_Command_configure_tag) {
      configured.emplace_back(rules.begin(), rules.end());
      return;
    }
    opened.push_back(command.body.open_door.compartment);
  }
  void on_gap() override;
};

class FakeTrace final : public TraceSink {
 public:
  std::vector<UplinkState> states;
  void on_event(std::uint64_t, Bytes) override {}
  void on_compartment(std::uint8_t, std::uint8_t, std::uint8_t) override {}
  void on_uplink(std::uint8_t from, std::uint8_t to) override;
};

std::string bytes_to_string(Bytes bytes);
std::string frame_of(const cubby::v1::Down& message, std::uint32_t channel = 1);
/// Takes the whole frames off the front of a stream that a station sent.
std::vector<cubby::v1::Up> take_frames(std::string& stream);

struct WorldOptions {
  UplinkPolicy policy{};
  std::uint64_t seed = 1;
  bool polls = false;  // Idle polls are run, not skipped.
  bool announce_new_journal = false;
};

class World {
 public:
  explicit World(const WorldOptions& options = {});

  /// Runs the uplink for so long, each tick at the time that the last one asked for.
  void advance(Duration duration);
  void tick();
  /// What the station sent since the last call.
  std::vector<cubby::v1::Up> take() { return take_frames(link.up); }
  /// Sends one message to the station and ticks.
  void say(const cubby::v1::Down& message);

  // Messages of a centre in good health.
  cubby::v1::Down challenge() const;
  cubby::v1::Down welcome(std::uint64_t high_water, std::uint32_t window = 2'000) const;
  cubby::v1::Down ack(std::uint64_t seq, std::uint32_t window = 2'000) const;
  cubby::v1::Down refuse(cubby::v1::RefuseCode code, bool permanent) const;
  cubby::v1::Down pause(std::uint32_t retry_after_s) const;
  /// From OFFLINE to the answer to Proof: everything up to `high_water` is known there.
  void open_session(std::uint64_t high_water, std::uint32_t window = 2'000);
  /// Up to the tick that sends Hello.
  void connect();

  Instant now{};
  Wake wake;
  std::uint64_t generation = 1;
  FakeLink link;
  FakeEvents events;
  FakeRandom random;
  FakeListener listener;
  FakeTrace trace;
  StationKey key;
  Uplink uplink;

 private:
  bool polls_;
};

/// Sequence numbers of the events in `frames`, each compared with the journal; fails on anything but a Batch.
std::vector<std::uint64_t> events_in(const std::vector<cubby::v1::Up>& frames, const FakeEvents& events);
std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last);

}  // namespace cubby::wire::test
