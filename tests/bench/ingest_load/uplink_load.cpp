#include <algorithm>

#include "bench/ingest_load/conversation.h"
#include "bench/ingest_load/loads.h"
#include "cubby/v1/uplink.pb.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"
#include "firmware/base/limits.h"
#include "firmware/wire/framing/field_reader.h"
#include "firmware/wire/framing/frame.h"

namespace cubby::bench {
namespace {

using wire::FieldReader;

constexpr std::size_t kGreetingsAtOnce = 500;  // Below what an aggregator takes without a session.
constexpr std::size_t kSendMax = 64 * 1024;

std::string to_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A station of docs/spec/wire.md whose journal is full of events that nobody has seen.
class StationTalker final : public Talker {
 public:
  StationTalker(const Session& session, Bytes fleet_key)
      : session_(session), key_(derive_station_key(fleet_key, session.station, 1)) {
    v1::Up up;
    v1::Hello& hello = *up.mutable_hello();
    hello.set_protocol(1);
    hello.set_station(session.station);
    hello.set_journal_uid(to_text(session.journal_uid));
    hello.set_boot(1);
    hello.set_oldest_seq(1);
    hello.set_next_seq(session.events + 1);
    hello.set_nonce(to_text(nonce_));
    say(up);
  }

  /// From now on it is done when everything is acknowledged.
  void begin() { streams_ = true; }
  bool done() const override { return streams_ ? acknowledged_ == session_.events : welcomed_; }

  std::size_t on_bytes(Bytes received) override {
    std::size_t at = 0;
    while (failed_.empty()) {
      const wire::FrameParse parsed = wire::parse_frame(received.subspan(at), limits::kFrameDownMax);
      if (parsed.kind == wire::FrameParse::Kind::kNeedMore) {
        break;
      }
      if (parsed.kind == wire::FrameParse::Kind::kError) {
        failed_ = "a bad frame from the aggregator";
        break;
      }
      at += parsed.consumed;
      take(parsed.frame.message);
    }
    return at;
  }

  Bytes to_send() override {
    if (!streams_) {
      return Bytes(greeting_).subspan(sent_);
    }
    while (allowed_ < session_.pieces.size() && session_.pieces[allowed_].last_seq <= acknowledged_ + kWindow) {
      ++allowed_;
    }
    const std::size_t end = allowed_ == 0 ? 0 : session_.pieces[allowed_ - 1].end;
    return Bytes(session_.bytes).subspan(sent_, std::min(end - sent_, kSendMax));
  }
  void on_sent(std::size_t size) override { sent_ += size; }

 private:
  void say(const v1::Up& up) {
    std::string message;
    up.SerializeToString(&message);
    std::array<std::byte, wire::kFrameHeaderMax> header;
    const std::size_t size = wire::encode_frame_header(1, message.size(), header);
    greeting_.assign(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(size));
    const Bytes body = as_bytes(message);
    greeting_.insert(greeting_.end(), body.begin(), body.end());
    sent_ = 0;
  }

  void take(Bytes message) {
    FieldReader reader(message);
    if (reader.next() && reader.is(v1::Down::kAck, FieldReader::Wire::kBytes)) {
      return on_ack(reader.bytes());
    }
    v1::Down down;
    if (!down.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      failed_ = "a message of the aggregator does not parse";
    } else if (down.has_challenge()) {
      prove(down.challenge().nonce());
    } else if (down.has_welcome()) {
      welcomed_ = true;
      greeting_.clear();
      sent_ = 0;
      if (down.welcome().high_water() != 0 || down.welcome().window() < kWindow) {
        failed_ = "the store is not fresh, or the window is small";
      }
    } else if (down.has_refuse()) {
      failed_ = session_.station + " was refused: " + down.refuse().detail();
    } else {
      failed_ = "the aggregator says what was not awaited: " + down.ShortDebugString();
    }
  }

  void prove(const std::string& nonce) {
    const std::array<Bytes, 5> parts{as_bytes("cubby uplink v1"), as_bytes(nonce), nonce_, session_.journal_uid,
                                     as_bytes(session_.station)};
    v1::Up up;
    up.mutable_proof()->set_mac(to_text(hmac_sha256(key_, parts)));
    say(up);
  }

  void on_ack(Bytes body) {
    std::uint64_t seq = 0;
    Chain chain = 0;
    FieldReader reader(body);
    while (reader.next()) {
      seq = reader.is(2, FieldReader::Wire::kVarint) ? reader.value() : seq;
      chain = reader.is(3, FieldReader::Wire::kFixed64) ? reader.value() : chain;
    }
    if (seq < acknowledged_ || seq > session_.events || (seq == session_.events && chain != session_.chain)) {
      failed_ = "an Ack that is wrong";
    }
    acknowledged_ = seq;
  }

  const Session& session_;
  StationKey key_;
  Nonce nonce_{};  // Not random: there is nothing to protect.
  std::vector<std::byte> greeting_;
  std::size_t sent_ = 0;     // Of the greeting, then of the session's bytes.
  std::size_t allowed_ = 0;  // Pieces within the window.
  std::uint64_t acknowledged_ = 0;
  bool welcomed_ = false;
  bool streams_ = false;
};

}  // namespace

Outcome load_uplink(const Workload& work, std::uint16_t port, int served_by, Bytes fleet_key) {
  Outcome outcome;
  std::vector<std::unique_ptr<StationTalker>> talkers;
  Conversation conversation(port);
  for (const Session& session : work.sessions) {
    talkers.push_back(std::make_unique<StationTalker>(session, fleet_key));
    outcome.error = conversation.add(*talkers.back());
    if (outcome.error.empty() && (talkers.size() % kGreetingsAtOnce == 0 || talkers.size() == work.sessions.size())) {
      outcome.error = conversation.run(kGreetingMax);
    }
    if (!outcome.error.empty()) {
      return outcome;
    }
  }
  for (const auto& talker : talkers) {
    talker->begin();
  }
  return run_timed(conversation, served_by);
}

}  // namespace cubby::bench
