#include "tools/emulator/shard_exchange.h"

#include <algorithm>
#include <utility>

#include "firmware/base/limits.h"
#include "firmware/wire/framing/frame.h"

namespace cubby::tools {

void append_frame(std::uint32_t channel, Bytes message, std::vector<std::byte>& out) {
  std::array<std::byte, wire::kFrameHeaderMax> head;
  const std::size_t size = wire::encode_frame_header(channel, message.size(), head);
  out.insert(out.end(), head.begin(), head.begin() + static_cast<std::ptrdiff_t>(size));
  out.insert(out.end(), message.begin(), message.end());
}

void append_with_channel(Bytes frames, std::uint32_t channel, std::vector<std::byte>& out) {
  for (;;) {
    const wire::FrameParse parse = wire::parse_frame(frames, limits::kFrameUpMax);
    if (parse.kind != wire::FrameParse::Kind::kFrame) {
      return;
    }
    append_frame(channel, parse.frame.message, out);
    frames = frames.subspan(parse.consumed);
  }
}

ShardExchange::ShardExchange(emulator::Fleet& fleet, std::size_t begin, std::size_t end,
                             std::unique_ptr<CentreLink> centre, bool awaiting)
    : fleet_(fleet), begin_(begin), end_(end), centre_(std::move(centre)), awaiting_(awaiting) {}

bool gather_station(emulator::Fleet& fleet, std::size_t index, std::vector<std::byte>& out) {
  if (!fleet.touched(index)) {
    return false;
  }
  const emulator::HostLink& seen = std::as_const(fleet).station(index).link();
  if (!seen.wants_connection() && seen.outgoing().empty()) {
    return false;
  }
  emulator::HostLink& link = fleet.station(index).link();
  const bool connects = link.wants_connection();
  if (connects) {
    link.connected();
  }
  const Bytes outgoing = link.outgoing();
  if (!outgoing.empty()) {
    append_with_channel(outgoing, static_cast<std::uint32_t>(index + 1), out);
    link.consume_outgoing(outgoing.size());
  }
  return connects;
}

void ShardExchange::gather() {
  out_.clear();
  connected_now_.clear();
  for (std::size_t i = begin_; i < end_; ++i) {
    if (gather_station(fleet_, i, out_)) {
      connected_now_.push_back(i);
    }
  }
}

void ShardExchange::deliver(Bytes answers) {
  for (;;) {
    const wire::FrameParse parse = wire::parse_frame(answers, limits::kFrameDownMax);
    if (parse.kind != wire::FrameParse::Kind::kFrame) {
      return;
    }
    const std::size_t index = parse.frame.channel - 1U;
    if (parse.frame.channel > 0 && index >= begin_ && index < end_ &&
        !std::binary_search(connected_now_.begin(), connected_now_.end(), index)) {
      frame_.clear();
      append_frame(1, parse.frame.message, frame_);
      fleet_.station(index).link().deliver(frame_);
    }
    answers = answers.subspan(parse.consumed);
  }
}

void ShardExchange::disconnect() {
  awaiting_ = false;
  early_.clear();
  for (std::size_t i = begin_; i < end_; ++i) {
    emulator::HostLink& link = fleet_.station(i).link();
    if (link.is_up()) {
      link.disconnected();
    } else if (link.wants_connection()) {
      link.refused();
    }
  }
}

bool ShardExchange::exchange(std::uint64_t utc_ms) {
  if (!centre_->connected()) {
    disconnect();
    return false;
  }
  gather();
  const bool awaited = awaiting_;
  awaiting_ = !out_.empty();
  if (awaiting_) {
    centre_->say(out_, utc_ms);
    centre_->barrier();
  }
  if (!early_.empty()) {
    deliver(std::exchange(early_, {}));
  }
  if (awaited) {
    if (!centre_->await(answers_)) {
      disconnect();
      return false;
    }
    deliver(answers_);
  }
  return true;
}

void ShardExchange::remember(CentreMemory& memory) const {
  centre_->remember(memory);
  memory.under_way.insert(memory.under_way.end(), early_.begin(), early_.end());
}

}  // namespace cubby::tools
