#include "power_loss/lives/centre.h"

#include <algorithm>
#include <array>

#include "cubby/v1/uplink.pb.h"
#include "firmware/base/limits.h"
#include "firmware/wire/framing/frame.h"

namespace cubby::power_loss {
namespace {

constexpr std::uint32_t kWindow = 2'000;

void say(const cubby::v1::Down& message, std::string& down) {
  const std::string text = message.SerializeAsString();
  std::array<std::byte, wire::kFrameHeaderMax> head;
  const std::size_t size = wire::encode_frame_header(1, text.size(), head);
  down.append(reinterpret_cast<const char*>(head.data()), size);
  down += text;
}

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void Centre::connected() {
  input_.clear();
}

bool Centre::complain(const char* what) {
  complaint_ = what;
  return false;
}

bool Centre::receive(std::string_view bytes, std::string& down) {
  input_ += bytes;
  for (;;) {
    const wire::FrameParse parse = wire::parse_frame(as_bytes(input_), limits::kFrameUpMax);
    if (parse.kind == wire::FrameParse::Kind::kError) {
      return complain("the station sent no frame");
    }
    if (parse.kind != wire::FrameParse::Kind::kFrame) {
      return true;
    }
    const std::string message = text_of(parse.frame.message);
    input_.erase(0, parse.consumed);
    if (!handle(message, down)) {
      return false;
    }
  }
}

bool Centre::take_gap(std::uint64_t from, std::uint64_t to, Chain after) {
  constexpr std::uint64_t kGapMax = 100'000;
  if (!takes_gaps_) {
    return complain("the station gave events up");
  }
  if (from != chains_.size() + 1 || to < from || to - from > kGapMax) {
    return complain("a gap does not continue what was reported");
  }
  gaps_.push_back({.from = from, .to = to});
  chains_.resize(to, 0);
  chains_.back() = after;
  return true;
}

bool Centre::handle(std::string_view message, std::string& down) {
  cubby::v1::Up up;
  if (!up.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return complain("the station sent no message");
  }
  cubby::v1::Down answer;
  if (up.has_hello()) {
    const std::string& uid = up.hello().journal_uid();
    const Bytes bytes = as_bytes(uid);
    if (bytes.size() != uid_.size() || (!chains_.empty() && !std::equal(bytes.begin(), bytes.end(), uid_.begin()))) {
      return complain("the station came with another journal");  // S6: what it had reported is gone.
    }
    std::copy(bytes.begin(), bytes.end(), uid_.begin());
    answer.mutable_challenge()->set_nonce(std::string(16, static_cast<char>(++session_)));
    answer.mutable_challenge()->set_key_version(1);
    say(answer, down);
    return true;
  }
  if (up.has_proof()) {
    auto& welcome = *answer.mutable_welcome();
    welcome.set_session(session_);
    welcome.set_store_uid(std::string(16, 's'));
    welcome.set_generation(1);
    welcome.set_high_water(chains_.size());
    welcome.set_high_water_chain(chain_at(chains_.size()));
    welcome.set_window(kWindow);
    welcome.set_utc_ms(1);
    welcome.set_frame_size_max(limits::kFrameUpMax);
    welcome.set_batch_events_max(limits::kBatchEventsMax);
    say(answer, down);
    return true;
  }
  if (up.has_gap() && !take_gap(up.gap().from_seq(), up.gap().to_seq(), up.gap().new_chain())) {
    return false;
  }
  if (up.has_batch()) {
    std::uint64_t seq = up.batch().first_seq();
    if (seq == 0 || seq > chains_.size() + 1 || up.batch().previous_chain() != chain_at(seq - 1)) {
      return complain("a batch does not continue what was reported");
    }
    Chain chain = up.batch().previous_chain();
    for (const std::string& payload : up.batch().events()) {
      chain = chain_next(chain, seq, as_bytes(payload));
      if (seq > chains_.size()) {
        chains_.push_back(chain);
      } else if (chain_at(seq) != chain) {
        return complain("an event differs from the one that was reported under its number");
      }
      ++seq;
    }
  }
  auto& ack = *answer.mutable_ack();
  ack.set_journal_uid(text_of(uid_));
  ack.set_durable_seq(chains_.size());
  ack.set_chain(chain_at(chains_.size()));
  ack.set_window(kWindow);
  say(answer, down);
  return true;
}

}  // namespace cubby::power_loss
