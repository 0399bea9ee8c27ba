// A centre that keeps nothing: it proves nothing and remembers marks only, so that a fleet can run alone.
#include <cstring>
#include <deque>
#include <map>
#include <utility>

#include "cubby/v1/uplink.pb.h"
#include "firmware/base/chain.h"
#include "firmware/base/limits.h"
#include "firmware/wire/framing/frame.h"
#include "tools/emulator/centre_link.h"

namespace cubby::tools {
namespace {

constexpr std::uint32_t kWindow = 2000;

class AckCentre final : public CentreLink {
 public:
  explicit AckCentre(const CentreMemory& memory) {
    for (const CentreMemory::Mark& mark : memory.marks) {
      const auto* uid = reinterpret_cast<const char*>(mark.uid.data());
      stations_[mark.channel] = {
          .uid = std::string(uid, mark.uid.size()), .high_water = mark.high_water, .chain = mark.chain};
    }
    if (!memory.under_way.empty()) {
      answers_.push_back(memory.under_way);
    }
  }

  bool connect(std::uint64_t) override { return true; }
  bool connected() const override { return true; }

  void say(Bytes frames, std::uint64_t utc_ms) override {
    utc_ms_ = utc_ms;
    for (;;) {
      const wire::FrameParse parse = wire::parse_frame(frames, limits::kFrameUpMax);
      if (parse.kind != wire::FrameParse::Kind::kFrame) {
        break;
      }
      answer(parse.frame, said_);
      frames = frames.subspan(parse.consumed);
    }
  }

  void barrier() override { answers_.push_back(std::exchange(said_, {})); }

  bool await(std::vector<std::byte>& answers) override {
    answers = std::move(answers_.front());
    answers_.pop_front();
    return true;
  }

  void remember(CentreMemory& memory) const override {
    for (const auto& [channel, station] : stations_) {
      CentreMemory::Mark mark{.channel = channel, .uid = {}, .high_water = station.high_water, .chain = station.chain};
      std::memcpy(mark.uid.data(), station.uid.data(), std::min(mark.uid.size(), station.uid.size()));
      memory.marks.push_back(mark);
    }
    for (const std::vector<std::byte>& answers : answers_) {
      memory.under_way.insert(memory.under_way.end(), answers.begin(), answers.end());
    }
  }

 private:
  struct Station {
    std::string uid;
    std::uint64_t high_water = 0;
    Chain chain = 0;
  };

  static void put(std::uint32_t channel, const cubby::v1::Down& down, std::vector<std::byte>& out) {
    const std::string message = down.SerializeAsString();
    std::array<std::byte, wire::kFrameHeaderMax> head;
    const std::size_t size = wire::encode_frame_header(channel, message.size(), head);
    out.insert(out.end(), head.begin(), head.begin() + static_cast<std::ptrdiff_t>(size));
    const Bytes bytes = as_bytes(message);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }

  void acknowledge(std::uint32_t channel, const Station& station, std::vector<std::byte>& out) {
    down_.Clear();
    cubby::v1::Ack& ack = *down_.mutable_ack();
    ack.set_journal_uid(station.uid);
    ack.set_durable_seq(station.high_water);
    ack.set_chain(station.chain);
    ack.set_window(kWindow);
    put(channel, down_, out);
  }

  void welcome(std::uint32_t channel, const Station& station, std::vector<std::byte>& out) {
    down_.Clear();
    cubby::v1::Welcome& welcome = *down_.mutable_welcome();
    welcome.set_session(1);
    welcome.set_store_uid(std::string(limits::kStoreUidSize, 'a'));
    welcome.set_generation(1);
    welcome.set_high_water(station.high_water);
    welcome.set_high_water_chain(station.chain);
    welcome.set_window(kWindow);
    welcome.set_utc_ms(utc_ms_);
    welcome.set_frame_size_max(limits::kFrameUpMax);
    welcome.set_batch_events_max(limits::kBatchEventsMax);
    put(channel, down_, out);
  }

  void answer(const wire::Frame& frame, std::vector<std::byte>& out) {
    up_.Clear();
    if (!up_.ParseFromArray(frame.message.data(), static_cast<int>(frame.message.size()))) {
      return;
    }
    Station& station = stations_[frame.channel];
    if (up_.has_hello()) {
      hello(frame.channel, station, out);
    } else if (up_.has_proof()) {
      welcome(frame.channel, station, out);
    } else if (up_.has_batch()) {
      std::uint64_t seq = up_.batch().first_seq();
      for (const std::string& event : up_.batch().events()) {
        if (seq == station.high_water + 1) {
          station.chain = chain_next(station.chain, seq, as_bytes(event));
          station.high_water = seq;
        }
        ++seq;
      }
      acknowledge(frame.channel, station, out);
    } else if (up_.has_gap()) {
      station.high_water = up_.gap().to_seq();
      station.chain = up_.gap().new_chain();
      acknowledge(frame.channel, station, out);
    } else if (up_.has_ping()) {
      acknowledge(frame.channel, station, out);
    }
  }

  void hello(std::uint32_t channel, Station& station, std::vector<std::byte>& out) {
    const cubby::v1::Hello& hello = up_.hello();
    if (hello.journal_uid() != station.uid) {
      station = Station{.uid = hello.journal_uid(), .high_water = 0, .chain = 0};
      JournalUid uid{};
      std::memcpy(uid.data(), station.uid.data(), std::min(uid.size(), station.uid.size()));
      station.chain = chain_start(uid);
      // A resumed fleet knows more than this centre, which keeps nothing: take its word.
      if (hello.has_last_ack()) {
        station.high_water = hello.last_ack().seq();
        station.chain = hello.last_ack().chain();
      }
    }
    down_.Clear();
    down_.mutable_challenge()->set_nonce(std::string(limits::kNonceSize, 'n'));
    down_.mutable_challenge()->set_key_version(1);
    put(channel, down_, out);
  }

  std::map<std::uint32_t, Station> stations_;
  std::vector<std::byte> said_;  // Answers since the last barrier.
  std::deque<std::vector<std::byte>> answers_;
  std::uint64_t utc_ms_ = 0;
  cubby::v1::Up up_;
  cubby::v1::Down down_;
};

}  // namespace

std::unique_ptr<CentreLink> make_ack_centre(const CentreMemory& memory) {
  return std::make_unique<AckCentre>(memory);
}

void append_virtual_time(std::vector<std::byte>& out, std::uint64_t utc_ms, bool barrier) {
  cubby::v1::Up up;
  up.mutable_virtual_time()->set_utc_ms(utc_ms);
  up.mutable_virtual_time()->set_barrier(barrier);
  const std::string message = up.SerializeAsString();
  std::array<std::byte, wire::kFrameHeaderMax> head;
  const std::size_t size = wire::encode_frame_header(0, message.size(), head);
  out.insert(out.end(), head.begin(), head.begin() + static_cast<std::ptrdiff_t>(size));
  const Bytes bytes = as_bytes(message);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace cubby::tools
