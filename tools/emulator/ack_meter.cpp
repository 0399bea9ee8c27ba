#include "tools/emulator/ack_meter.h"

#include <algorithm>

#include "cubby/v1/uplink.pb.h"
#include "firmware/base/limits.h"
#include "firmware/wire/framing/frame.h"

namespace cubby::tools {

std::uint64_t AckMeter::on_sent(Bytes frames, Time at) {
  std::uint64_t events = 0;
  for (wire::FrameParse parse = wire::parse_frame(frames, limits::kFrameUpMax);
       parse.kind == wire::FrameParse::Kind::kFrame; parse = wire::parse_frame(frames, limits::kFrameUpMax)) {
    frames = frames.subspan(parse.consumed);
    v1::Up up;
    const Bytes message = parse.frame.message;
    if (!up.ParseFromArray(message.data(), static_cast<int>(message.size())) || !up.has_batch() ||
        up.batch().events().empty()) {
      continue;
    }
    const auto count = static_cast<std::uint64_t>(up.batch().events_size());
    const std::uint64_t last = up.batch().first_seq() + count - 1;
    events += count;
    if (waiting_.size() < kWaitingMax) {
      waiting_.push_back({.last_seq = last, .events = count, .at = at});
    } else {
      waiting_.back().last_seq = last;
      waiting_.back().events += count;
    }
  }
  return events;
}

void AckMeter::on_received(Bytes bytes, Time at, TimeHistogram& times) {
  begun_.insert(begun_.end(), bytes.begin(), bytes.end());
  std::size_t position = 0;
  for (;;) {
    const wire::FrameParse parse = wire::parse_frame(Bytes(begun_).subspan(position), limits::kFrameDownMax);
    if (parse.kind == wire::FrameParse::Kind::kError) {
      begun_.clear();  // The station hangs up.
      return;
    }
    if (parse.kind == wire::FrameParse::Kind::kNeedMore) {
      break;
    }
    position += parse.consumed;
    v1::Down down;
    const Bytes message = parse.frame.message;
    if (down.ParseFromArray(message.data(), static_cast<int>(message.size())) && down.has_ack()) {
      acknowledge(down.ack().durable_seq(), at, times);
    }
  }
  begun_.erase(begun_.begin(), begun_.begin() + static_cast<std::ptrdiff_t>(position));
}

void AckMeter::acknowledge(std::uint64_t seq, Time at, TimeHistogram& times) {
  auto first = waiting_.begin();
  for (; first != waiting_.end() && first->last_seq <= seq; ++first) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(at - first->at).count();
    times.add(static_cast<std::uint64_t>(std::max<std::int64_t>(took, 0)), first->events);
  }
  waiting_.erase(waiting_.begin(), first);
}

}  // namespace cubby::tools
